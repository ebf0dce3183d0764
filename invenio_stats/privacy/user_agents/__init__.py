"""Classify user agents, reduce their texts, and keep a catalog of those that were seen."""
