"""invenio_stats/counter: tests on a real application."""
