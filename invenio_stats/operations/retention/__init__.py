"""Delete raw events that are old enough, and that all totals hold."""
