"""invenio_stats/operations/verification: tests on a real application."""
