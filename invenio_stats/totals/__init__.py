"""Aggregate stored events into totals."""
