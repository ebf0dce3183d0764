"""Tests: unit (no services), flow (a real app and engine), services (faults and load), compat (the contract)."""
