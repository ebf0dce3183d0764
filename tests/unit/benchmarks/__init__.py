"""benchmarks: unit tests."""
