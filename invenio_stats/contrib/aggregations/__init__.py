"""Index templates of the shipped totals."""
