"""invenio_stats/processing: unit tests."""
