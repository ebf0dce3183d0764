"""The demo: an instance, its worker and its search engine, a crowd, and the proof that all of it was counted."""
