"""invenio_stats/counter/deposit: tests of the rules alone."""
