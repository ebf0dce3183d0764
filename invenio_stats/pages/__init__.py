"""Pages of statistics: they ask queries as any client may, and show the answers in words, charts and tables."""
