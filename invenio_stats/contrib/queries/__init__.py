"""Queries that an instance adds to STATS_QUERIES, and who may ask them."""
