"""Runs what the documentation shows: the code, commands and requests of a page, in their order."""
