"""Store the events of a batch of messages, and remove double clicks."""
