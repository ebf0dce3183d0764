"""The message broker, seen from the stations: publish and consume."""
