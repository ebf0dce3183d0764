"""invenio_stats/counter/deposit: tests on a real application, with a stand-in for the service."""
