"""Have the events of closed indices counted once these are open again: bookmarks pass over what cannot be read.

What is stored in an index between the last run and its closing has not been counted, and later runs look only for what
is newer. So the runs of an aggregation note the closed indices with the bookmark of that time, and move the bookmark
back to it when one of them is open again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from invenio_stats.completeness.index import document_ref, shared_document
from invenio_stats.core.moments import BEGINNING, iso, parse
from invenio_stats.errors import StatsError
from invenio_stats.search.aliases import fetch_closed
from invenio_stats.search.multi_get import Found
from invenio_stats.search.versions import Source
from invenio_stats.totals.attributes import Aggregator, events_alias_of, rewind_bookmark

_ATTEMPTS = 5


def notes_document(aggregator: Any) -> dict[str, str]:
    """Return index and id of the document with the closed indices of an aggregation's events."""
    return document_ref(_id_of(aggregator))


def read_notes(found: Found) -> Mapping[str, str]:
    """Return the closed indices in a document that was read at `notes_document`, each with a bookmark in ISO format.

    Events that were stored or changed after that bookmark may not be counted.
    """
    notes: Mapping[str, str] = found.get("_source", {}).get("closed") or {}
    return notes


def follow_closed(aggregator: Aggregator, found: Found, resume: Callable[[], datetime | None]) -> bool:
    """Note which indices are closed now; return True if the bookmark was moved back for some that are open again.

    `found` was read at `notes_document`, and `resume` tells from where the aggregation resumes. The bookmark moves
    first: what is interrupted in between is done again. StatsError if others keep changing the notes.
    """
    notes = read_notes(found)
    aliases = events_alias_of(aggregator).split(",")
    closed = {found.index_name for found in fetch_closed(aggregator.client, aliases)}
    if closed == notes.keys():
        return False
    now = iso(resume() or BEGINNING)
    opened = [parse(notes[index]) for index in notes.keys() - closed]
    if opened:
        rewind_bookmark(aggregator, min(opened))

    def change(source: Source) -> Source:
        known = read_notes({"_source": source})
        return {"closed": {index: known.get(index, now) for index in sorted(closed)}}

    if not shared_document(aggregator.client, _id_of(aggregator), found).change(change, _ATTEMPTS):
        raise StatsError(f"Others keep changing the closed indices of {aggregator.name!r}. The next run tries again.")
    return bool(opened)


def _id_of(aggregator: Any) -> str:
    return f"closed:{aggregator.name}"
