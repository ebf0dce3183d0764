"""Test the package: unit (no services), flow (a real application), services (faults, load), compat (the contract)."""
