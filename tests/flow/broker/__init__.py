"""invenio_stats/broker: tests on a real application."""
