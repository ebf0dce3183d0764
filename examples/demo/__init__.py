"""The demo: an instance, its worker, its search engine, simulated traffic, and the proof that all of it was counted."""
