"""invenio_stats/search: unit tests."""
