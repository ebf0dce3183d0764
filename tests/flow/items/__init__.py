"""invenio_stats/items: tests on a real application."""
