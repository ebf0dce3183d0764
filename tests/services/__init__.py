"""Faults and load on real services."""
