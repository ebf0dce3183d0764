"""The Python process: imports, JSON, garbage collection, shutdown."""
