"""Checks of COUNTER documents."""
