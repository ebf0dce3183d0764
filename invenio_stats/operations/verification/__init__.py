"""Totals compared with a recount of their raw events, and made anew."""
