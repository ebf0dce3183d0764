"""Tests of the deletion of old raw events."""
