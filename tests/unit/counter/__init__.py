<<<<<<< HEAD
"""COUNTER reports."""
=======
"""invenio_stats/counter: unit tests."""
>>>>>>> counter-months
