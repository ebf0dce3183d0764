"""Communicate with message brokers: one module for each protocol and direction."""
