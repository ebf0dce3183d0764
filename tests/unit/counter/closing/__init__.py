"""invenio_stats/counter/closing: unit tests."""
