"""A real InvenioRDM: this package in the place of the public 7.0.2, on real services."""
