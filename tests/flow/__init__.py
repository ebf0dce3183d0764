"""One file for each station, on a real app; the embedded engine or real services."""
