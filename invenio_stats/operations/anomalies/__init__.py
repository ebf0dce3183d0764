"""Unusual days and months: keep them, with what a person has decided about each."""
