"""invenio_stats/contrib: unit tests."""
