"""COUNTER reports."""
