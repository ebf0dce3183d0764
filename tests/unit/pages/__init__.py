"""invenio_stats/pages: unit tests."""
