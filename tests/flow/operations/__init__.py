"""invenio_stats/operations: tests on a real application."""
