"""invenio_stats/privacy: unit tests."""
