"""invenio_stats/search: tests on a real application."""
