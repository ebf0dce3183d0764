"""invenio_stats/operations/quality: tests on a real application."""
