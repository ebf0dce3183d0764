"""First day of an aggregation: from it on there are numbers, however old events are by now."""

from datetime import datetime
from functools import partial
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.completeness.first_complete_day import BODY
from invenio_stats.core import names
from invenio_stats.core.moments import iso, parse
from invenio_stats.errors import StatsError
from invenio_stats.search.indices import create_index
from invenio_stats.search.multi_get import Found, read_one
from invenio_stats.search.versions import SharedDocument, Source

_PREFIX = "aggregation:"
"""Begins the id, so that an event type with the name of the aggregation has a document of its own."""
_MAX_ATTEMPTS = 5


class FirstDay:
    """The first day of one aggregation; once it is set, nothing moves it."""

    def __init__(self, client: Any, aggregation: str):
        """Name the aggregation."""
        self._client = client
        self._aggregation = aggregation
        self._index = prefix_index(names.COMPLETENESS)

    @property
    def document_ref(self) -> dict[str, str]:
        """Index and id of the document that holds the day."""
        return {"_index": self._index, "_id": f"{_PREFIX}{self._aggregation}"}

    def get(self) -> datetime | None:
        """Return the day, or None if the aggregation has never counted."""
        day = read_one(self._client, self._index, self.document_ref["_id"]).get("_source", {}).get("first_day")
        return None if day is None else parse(day)

    def set(self, day: datetime, read: Found) -> None:
        """Set the day, unless it is set; `read` is the document at `document_ref`, as it was just read."""

        def change(source: Source) -> Source | None:
            return None if source else {"aggregation": self._aggregation, "first_day": iso(day)}

        if read.get("found"):
            return
        create = partial(create_index, self._client, self._index, BODY)
        document = SharedDocument(self._client, self._index, self.document_ref["_id"], create, read)
        if not document.change(change, _MAX_ATTEMPTS):
            raise StatsError(
                f"Other runs keep setting the first day of {self._aggregation!r}. The next run tries again."
            )
