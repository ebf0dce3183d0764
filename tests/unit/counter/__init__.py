"""invenio_stats/counter: unit tests."""
