"""Parse the STATS_* settings once into typed definitions."""
