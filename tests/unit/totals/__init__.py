"""invenio_stats/totals: unit tests."""
