"""Tests of files with answers."""
