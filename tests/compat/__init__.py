"""What existing instances rely on, line by line."""
