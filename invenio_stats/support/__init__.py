"""Support for all layers: import strings, JSON, garbage collection and shutdown of the process."""
