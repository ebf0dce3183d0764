"""invenio_stats/operations/anomalies: tests on a real application."""
