"""Usage statistics for Invenio: all metadata is in setup.cfg."""

from setuptools import setup

setup()
