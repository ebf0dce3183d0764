"""Shipped event types, record views, file downloads and searches, defined with the public API only."""
