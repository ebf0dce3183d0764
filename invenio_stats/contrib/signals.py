"""Define the signal that starts the event of a search; the other shipped types use signals of Invenio."""

from blinker import Namespace

search_executed = Namespace().signal("search-executed")
"""Sent by a search page when a person executes a search: `send(app, search_page="search")`.

A search counts if it gives a new set of results, also after a facet or a filter was changed. Do not send it for
searches of the REST API, or when a visitor turns to another page of the same results.
"""
