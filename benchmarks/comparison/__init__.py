"""The comparison of this checkout with the public release: see `benchmarks/compare.py`."""
