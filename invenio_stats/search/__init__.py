"""Access the search engine: indices, requests, responses and failures, without any knowledge of statistics."""
