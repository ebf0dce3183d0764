"""invenio_stats/operations/compaction: unit tests."""
