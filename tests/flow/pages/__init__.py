"""invenio_stats/pages: tests on a real application."""
