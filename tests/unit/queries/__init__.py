"""invenio_stats/queries: unit tests."""
