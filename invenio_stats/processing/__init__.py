"""From a batch of messages to stored events, with double clicks removed."""
