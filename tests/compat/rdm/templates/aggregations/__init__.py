"""Totals, one package for each kind."""
