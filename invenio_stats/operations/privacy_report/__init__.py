"""Measure what an instance keeps about visitors, where and for how long."""
