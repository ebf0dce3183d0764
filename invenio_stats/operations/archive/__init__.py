"""Export raw events and totals to files and import them, so that they survive the loss of the search engine."""
