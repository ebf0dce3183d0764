"""Shipped event types: record views and file downloads, written as a user of the package would."""
