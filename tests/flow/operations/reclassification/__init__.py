"""Reclassification of stored events, on a search engine."""
