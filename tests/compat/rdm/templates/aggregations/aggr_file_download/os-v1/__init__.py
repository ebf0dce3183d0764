"""Read by invenio-search."""
