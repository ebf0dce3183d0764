"""Daily event indices of a closed month become one monthly index."""
