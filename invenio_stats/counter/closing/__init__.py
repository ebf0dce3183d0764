"""Close months for COUNTER reports, and restate them."""
