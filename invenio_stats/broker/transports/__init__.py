"""One module for each way to talk to a message broker."""
