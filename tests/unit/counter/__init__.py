"""invenio_stats/counter: tests of the rules alone."""
