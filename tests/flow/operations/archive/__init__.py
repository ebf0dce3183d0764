"""invenio_stats/operations/archive: tests on a real application."""
