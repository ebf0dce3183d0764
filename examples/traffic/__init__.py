"""Simulated traffic that uses the library over HTTP, and keeps a ledger of what must be counted.

It knows COUNTER's rules by itself and shares no code with the package, so that the two can be compared.
"""
