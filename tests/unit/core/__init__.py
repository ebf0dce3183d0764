"""invenio_stats/core: unit tests."""
