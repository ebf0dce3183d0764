"""invenio_stats/capture: tests on a real application."""
