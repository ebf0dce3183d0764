"""invenio_stats/processing: tests on a real application."""
