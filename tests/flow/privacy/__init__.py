"""invenio_stats/privacy: tests on a real application."""
