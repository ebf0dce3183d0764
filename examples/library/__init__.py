"""The parts of the example instance that are its own."""
