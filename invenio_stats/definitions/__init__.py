"""The STATS_* dicts, parsed once into typed definitions."""
