"""invenio_stats/cli: tests on a real application."""
