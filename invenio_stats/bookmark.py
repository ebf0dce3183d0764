"""Store how far each aggregation has counted, in one document for each."""

from datetime import datetime, timedelta
from typing import Any

from invenio_search.engine import dsl, search
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.intervals import FORMATS, ROUNDING, Interval
from invenio_stats.core.moments import iso, parse_calendar, to_second
from invenio_stats.errors import StatsError
from invenio_stats.search.failures import is_index_there
from invenio_stats.search.multi_get import Found, read_one
from invenio_stats.search.versions import SharedDocument, Source

__all__ = ("SUPPORTED_INTERVALS", "BookmarkAPI", "format_range_dt")

SUPPORTED_INTERVALS = FORMATS
"""The intervals of totals with their date formats, shortest first."""

_MAX_ATTEMPTS = 5
_MAX_LISTED = 10_000
_SETTINGS = {"index": {"auto_expand_replicas": "0-1"}}
"""No replica on a single node, where it could not be allocated."""


def format_range_dt(dt: datetime, interval: Interval) -> str:
    """Format a moment with date math that rounds it to its interval: '2026-01-31T10:00:00||/d'."""
    return f"{to_second(dt).isoformat()}||/{ROUNDING[interval]}"


class BookmarkAPI:
    """The bookmark of one aggregation, or of any program that stores its progress as a date.

    Older releases wrote a new document in each run; these are read too, and the newest date counts.
    """

    MAPPINGS: dict[str, Any] = {
        "mappings": {
            "dynamic": "strict",
            "properties": {
                "date": {"type": "date", "format": "date_optional_time"},
                "aggregation_type": {"type": "keyword"},
            },
        }
    }
    """The mappings with which the index of bookmarks is created."""

    _known: Found | None = None
    """Our document as passed to `resume`: the next `set_bookmark` uses its version instead of reading it again."""

    def __init__(self, client: Any, agg_type: str, agg_interval: Interval | str):
        """Take the name of the aggregation; its interval is kept for clients and not used."""
        self.client = client
        self.agg_type = agg_type
        self.agg_interval = agg_interval
        self.bookmark_index = prefix_index(names.BOOKMARKS)

    def set_bookmark(self, value: str | datetime) -> None:
        """Move the bookmark forward to a date; it stays where it is if the date is earlier.

        ValueError if `value` is not a date. StatsError if other processes keep changing the bookmark.
        """
        date = value if isinstance(value, str) else iso(value)
        moment = parse_calendar(date)
        known, self._known = self._known, None
        if known is not None and date_of(known) >= moment:
            known = None

        def move(source: Source) -> Source | None:
            if source and parse_calendar(source["date"]) >= moment:  # the later date of two workers stays
                return None
            return self._document(date)

        own = SharedDocument(self.client, self.bookmark_index, self.agg_type, self._ensure_index, known)
        if not own.change(move, _MAX_ATTEMPTS):
            raise StatsError(
                f"Other processes keep moving the bookmark of {self.agg_type!r}. The next run tries again."
            )

    def get_bookmark(self, refresh_time: int = 60) -> datetime | None:
        """Return the moment from which to resume, in UTC; None without a bookmark.

        It is `refresh_time` seconds before the bookmark, because events written shortly before it may not have been
        searchable then. An event that is read twice is still counted once.
        """
        own, older = self._own(), self._older(limit=1)
        dates = [date_of(document) for document in (own, *older) if document]
        return max(dates) - timedelta(seconds=refresh_time) if dates else None

    @property
    def document_ref(self) -> dict[str, str]:
        """Index and id of our own document."""
        return {"_index": self.bookmark_index, "_id": self.agg_type}

    def resume(self, own: Found, refresh_time: int = 60) -> datetime | None:
        """Return the moment from which to resume, given the document at `document_ref` as it was just read.

        Like `get_bookmark`, except that older releases' documents are ignored if our own exists: what an older release
        has counted since then is counted again.
        """
        if not own.get("found"):
            return self.get_bookmark(refresh_time)
        self._known = own
        return date_of(own) - timedelta(seconds=refresh_time)

    def own_date(self) -> datetime | None:
        """Return the date of our own document, or None if there is none."""
        own = self._own()
        return date_of(own) if own else None

    def list_bookmarks(self, start_date: Any = None, end_date: Any = None, limit: int | None = None) -> list[Any]:
        """Return the bookmarks between two dates, inclusive: ours first, then those of older releases, newest first.

        Each has `date`, in the format in which it was written, and `aggregation_type`.
        """
        first, last = (None if edge is None else parse_calendar(edge) for edge in (start_date, end_date))
        own = self._own()
        documents = [own] if own and _is_between(date_of(own), first, last) else []
        documents += self._older(limit or _MAX_LISTED, first, last)
        return [dsl.AttrDict(document["_source"]) for document in documents[:limit]]

    def rewind(self, moment: datetime | None = None) -> None:
        """Move the bookmark back to a moment if it is later; None deletes it, as if nothing had been counted."""
        newest = self.get_bookmark(refresh_time=0)
        if newest is None or (moment is not None and newest <= moment):
            return
        # Delete before writing: a failure in between leaves an earlier bookmark or none, so that more is counted again.
        # In the other order it would leave later bookmarks of older releases, which would count.
        self.client.indices.refresh(index=self.bookmark_index)
        self.client.delete_by_query(
            index=self.bookmark_index,
            body={"query": self._query(after=moment)},
            conflicts="proceed",
            refresh=True,
        )
        if moment is not None:
            self.client.index(index=self.bookmark_index, id=self.agg_type, body=self._document(iso(moment)))

    def _document(self, date: str) -> dict[str, str]:
        return {"date": date, "aggregation_type": self.agg_type}

    def _ensure_index(self) -> None:
        if self.client.indices.exists(index=self.bookmark_index):
            return
        try:
            self.client.indices.create(index=self.bookmark_index, body={"settings": _SETTINGS, **self.MAPPINGS})
        except search.exceptions.RequestError as error:
            if not is_index_there(error):
                raise

    def _own(self) -> Found | None:
        """Return our own document; it is read by id, because a search may not find it yet."""
        document = read_one(self.client, self.bookmark_index, self.agg_type)
        return document if document.get("found") else None

    def _older(self, limit: int, first: datetime | None = None, last: datetime | None = None) -> list[dict[str, Any]]:
        query = self._query(first, last)
        query["bool"]["must_not"] = [{"ids": {"values": [self.agg_type]}}]
        answer = self.client.search(
            index=self.bookmark_index,
            body={"query": query, "size": limit, "sort": [{"date": {"order": "desc", "unmapped_type": "date"}}]},
            ignore_unavailable=True,
        )
        return answer["hits"]["hits"]

    def _query(
        self, first: datetime | None = None, last: datetime | None = None, after: datetime | None = None
    ) -> dict[str, Any]:
        edges = {"gte": first, "lte": last, "gt": after}
        bounds = {edge: iso(moment) for edge, moment in edges.items() if moment is not None}
        clauses: list[dict[str, Any]] = [{"term": {"aggregation_type": self.agg_type}}]
        if bounds:
            clauses.append({"range": {"date": bounds}})
        return {"bool": {"filter": clauses}}


def date_of(document: Found) -> datetime:
    """Return the date in a bookmark's document."""
    return parse_calendar(document["_source"]["date"])


def _is_between(moment: datetime, first: datetime | None, last: datetime | None) -> bool:
    return (first is None or first <= moment) and (last is None or moment <= last)
