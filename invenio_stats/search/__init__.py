"""The search engine, seen from the stations: indices, requests, responses."""
