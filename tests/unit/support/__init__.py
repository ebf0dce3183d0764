"""invenio_stats/support: unit tests."""
