"""invenio_stats/operations/compaction: tests on a real application."""
