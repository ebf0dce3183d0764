"""What is known about how complete raw events are."""
