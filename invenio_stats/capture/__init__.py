"""Capture events inside the web request, before they are sent to the broker."""
