"""Indices: what there is in the search engine, and the days of closed months made one index each."""
