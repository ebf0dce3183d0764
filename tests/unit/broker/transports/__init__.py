"""invenio_stats/broker/transports: unit tests."""
