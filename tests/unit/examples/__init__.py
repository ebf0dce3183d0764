"""examples: unit tests."""
