"""Deposit the use of datasets with DataCite's usage reports service."""
