"""What happens inside the web request, before the broker."""
