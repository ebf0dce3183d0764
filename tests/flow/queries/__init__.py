"""invenio_stats/queries: tests on a real application."""
