"""Keep the first day of each aggregation: from it on there are numbers, however old events are by now."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from invenio_stats.completeness.index import document_ref, shared_document
from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import iso, parse
from invenio_stats.errors import StatsError
from invenio_stats.search.multi_get import Found, read_one
from invenio_stats.search.versions import Source

_ATTEMPTS = 5


class FirstDay:
    """The first day of one aggregation. Unlike the first complete day, it does not rise when raw events are deleted."""

    def __init__(self, client: Any, aggregation: str):
        """Name the aggregation."""
        self._client = client
        self._aggregation = aggregation

    @property
    def document_ref(self) -> dict[str, str]:
        """Index and id of the document that holds the day."""
        return document_ref(f"aggregation:{self._aggregation}")

    def get(self) -> datetime | None:
        """Return the start of the day, or None if the aggregation has not been counted yet."""
        return first_day_in(read_one(self._client, self.document_ref["_index"], self.document_ref["_id"]))

    def set(self, day: datetime, read: Found | None = None) -> None:
        """Set the day, unless it is set; `read` is the document at `document_ref`, if it was just read."""
        text = iso(floor(day, "day"))
        self._change(lambda source: None if source.get("first_day") else text, read)

    def forget(self) -> None:
        """Have the next run find the day again: totals or events came in that may be older."""
        self._change(lambda source: "" if source.get("first_day") else None)

    def _change(self, make: Callable[[Source], str | None], read: Found | None = None) -> None:
        """Replace the day by what `make` returns: nothing to leave it, an empty text to remove it."""

        def change(source: Source) -> Source | None:
            day = make(source)
            return None if day is None else {"aggregation": self._aggregation, "first_day": day or None}

        document = shared_document(self._client, self.document_ref["_id"], read)
        if not document.change(change, _ATTEMPTS):
            raise StatsError(f"Others keep changing the first day of {self._aggregation!r}. The next run tries again.")


def first_day_in(found: Found) -> datetime | None:
    """Return the day in a document that was read at `FirstDay.document_ref`; None if it holds none."""
    value = found.get("_source", {}).get("first_day")
    return None if value is None else parse(value)
