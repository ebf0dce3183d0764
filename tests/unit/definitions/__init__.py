"""invenio_stats/definitions: unit tests."""
