"""Tests of the privacy report."""
