"""Shipped event types, record views and file downloads, defined with the public API only."""
