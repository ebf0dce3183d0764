"""invenio_stats/cli: tests without services."""
