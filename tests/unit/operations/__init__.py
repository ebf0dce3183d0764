"""invenio_stats/operations: unit tests."""
