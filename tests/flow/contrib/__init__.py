"""invenio_stats/contrib: tests on a real application."""
