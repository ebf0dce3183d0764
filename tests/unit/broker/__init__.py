"""invenio_stats/broker: unit tests."""
