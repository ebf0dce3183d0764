"""Close months for COUNTER reports, restate them, tell their state, and delete old ones."""
