"""Reports of closed months."""
