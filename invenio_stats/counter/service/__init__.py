"""Serve COUNTER reports to requestors: credentials, limits, listings, and large reports as files."""
