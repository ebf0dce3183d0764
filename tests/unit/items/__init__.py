"""invenio_stats/items: unit tests."""
