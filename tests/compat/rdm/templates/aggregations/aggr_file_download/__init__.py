"""Totals: aggr-file-download-v1."""
