"""Tests of the COUNTER API."""
