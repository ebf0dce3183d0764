"""Tests of the commands `invenio stats counter`."""
