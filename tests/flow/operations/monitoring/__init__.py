"""invenio_stats/operations/monitoring: tests on a real application."""
