"""invenio_stats/definitions: tests on a real application."""
