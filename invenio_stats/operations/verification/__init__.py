"""Compare totals with a recount of their raw events, and rebuild them."""
