"""Compact the daily event indices of a closed month into one monthly index."""
