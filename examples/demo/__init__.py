"""Run an instance with worker, search engine and simulated traffic, and prove that all of it was counted."""
