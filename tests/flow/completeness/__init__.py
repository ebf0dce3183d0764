"""invenio_stats/totals: tests on a real application."""
