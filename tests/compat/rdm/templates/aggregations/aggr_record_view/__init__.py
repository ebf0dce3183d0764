"""Totals: aggr-record-view-v1."""
