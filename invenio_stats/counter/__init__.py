"""Close months, and make COUNTER's reports of them."""
