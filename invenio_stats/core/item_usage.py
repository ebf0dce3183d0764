"""Count the uses of an item, a record or a search page by COUNTER's rules, event by event."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from invenio_stats.core.access_types import ACCESS_TYPES
from invenio_stats.core.moments import BEGINNING, parse
from invenio_stats.core.usage_fields import RECORD_KEYS, TDM, has_bytes, key_of

ROW_FIELDS = ("access_type", "access_method", "country", "institution")
"""What COUNTER's reports tell the uses of an item apart by."""
SEARCH_ROW_FIELDS = ROW_FIELDS[1:]
"""What searches are told apart by."""

ITEM_NUMBERS = (
    "total_item_investigations",
    "total_item_requests",
    "unique_item_investigations",
    "unique_item_requests",
)
"""COUNTER's numbers, of an item and of each of its rows."""
REGULAR_NUMBERS = (
    "views",
    "downloads",
    "unique_views",
    "unique_downloads",
    "volume",
    "requests_by_access_status",
    "requests_by_access_type",
)

Event = Mapping[str, Any]
AccessTypeOf = Callable[[object], str]
"""Returns the access type of an access status."""

_STATUS = r"[\w-]{1,64}"
"""An access status that can be the name of a field."""


class Tally(Protocol):
    """The numbers of one total, as far as its events have been added."""

    count: int
    """Number of events that were added."""
    newest: Event | None

    def add(self, event: Event, event_id: str, moment: datetime, is_request: bool) -> None:
        """Add an event of a moment; `is_request` is True for a download, False for a view.

        The order in which events are added is of no account.
        """

    def values(self) -> dict[str, Any]:
        """Return the fields of the total, in a form that is equal if and only if the numbers are."""


class _Newest:
    """Keeps the newest event: by its time, then by the time when it was stored, then by its id."""

    def __init__(self) -> None:
        self.count = 0
        self.newest: Event | None = None
        self._rank: tuple[datetime, datetime, str] = (BEGINNING, BEGINNING, "")

    def _keep(self, event: Event, event_id: str, moment: datetime) -> None:
        self.count += 1
        if self.newest is not None and moment < self._rank[0]:
            return
        stored = event.get("updated_timestamp")
        rank = (moment, parse(stored) if stored else BEGINNING, event_id)
        if self.newest is None or rank > self._rank:
            self.newest, self._rank = event, rank


class _Uses:
    """A number of uses, and their different sessions; an event without a session has none to be different."""

    __slots__ = ("sessions", "total")

    def __init__(self) -> None:
        self.total = 0
        self.sessions: set[str] = set()

    def add(self, session: object) -> None:
        self.total += 1
        if session is not None:
            self.sessions.add(str(session))


class _RegularUses:
    """The numbers of regular use: by people, not by text and data mining."""

    def __init__(self) -> None:
        self.views, self.downloads = _Uses(), _Uses()
        self.volume = 0
        self.by_status: Counter[str] = Counter()
        self.by_type: Counter[str] = Counter()

    def add(self, event: Event, access_type: str, is_request: bool) -> None:
        (self.downloads if is_request else self.views).add(event.get("unique_session_id"))
        if not is_request:
            return
        size = event.get("size")
        self.volume += int(size) if has_bytes(size) else 0
        self.by_type[access_type] += 1
        status = event.get("access_status")
        if isinstance(status, str) and re.fullmatch(_STATUS, status):
            self.by_status[status] += 1

    def values(self) -> dict[str, Any]:
        return {
            "views": self.views.total,
            "downloads": self.downloads.total,
            "unique_views": len(self.views.sessions),
            "unique_downloads": len(self.downloads.sessions),
            "volume": self.volume,
            "requests_by_access_status": dict(sorted(self.by_status.items())),
            "requests_by_access_type": dict(sorted(self.by_type.items())),
        }


class _Row:
    """COUNTER's numbers of the uses that have all attributes in common."""

    __slots__ = ("investigations", "requests")

    def __init__(self) -> None:
        self.investigations, self.requests = _Uses(), _Uses()

    def add(self, event: Event, is_request: bool) -> None:
        session = event.get("unique_session_id")
        self.investigations.add(session)
        if is_request:
            self.requests.add(session)

    def values(self) -> dict[str, int]:
        numbers = (
            self.investigations.total,
            self.requests.total,
            len(self.investigations.sessions),
            len(self.requests.sessions),
        )
        return dict(zip(ITEM_NUMBERS, numbers, strict=True))


class ItemTally(_Newest):
    """The usage of an item in an interval."""

    def __init__(self, access_type_of: AccessTypeOf):
        """Take the rule for events without an access type."""
        super().__init__()
        self._access_type_of = access_type_of
        self._regular = _RegularUses()
        self._rows: dict[tuple[str, ...], _Row] = {}

    def add(self, event: Event, event_id: str, moment: datetime, is_request: bool) -> None:
        """Add a view or a download."""
        self._keep(event, event_id, moment)
        access_type = find_access_type(event, self._access_type_of)
        attributes = (access_type, *_search_attributes(event))
        row = self._rows.get(attributes)
        if row is None:
            row = self._rows[attributes] = _Row()
        row.add(event, is_request)
        if event.get("access_method") != TDM:
            self._regular.add(event, access_type, is_request)

    def values(self) -> dict[str, Any]:
        """Return all fields but the key; each unique number of COUNTER is the sum of those of the rows."""
        rows = [(attributes, row.values()) for attributes, row in sorted(self._rows.items())]
        return {
            **item_fields(self.newest or {}),
            **{name: sum(numbers[name] for _, numbers in rows) for name in ITEM_NUMBERS},
            **self._regular.values(),
            "rows": [{**_named(attributes, ROW_FIELDS), **numbers} for attributes, numbers in rows],
        }


class RecordTally(_Newest):
    """The regular use of a record in an interval, all its versions together."""

    def __init__(self, access_type_of: AccessTypeOf):
        """Take the rule for events without an access type."""
        super().__init__()
        self._access_type_of = access_type_of
        self._regular = _RegularUses()

    def add(self, event: Event, event_id: str, moment: datetime, is_request: bool) -> None:
        """Add a view or a download."""
        self._keep(event, event_id, moment)
        self._regular.add(event, find_access_type(event, self._access_type_of), is_request)

    def values(self) -> dict[str, Any]:
        """Return all fields but the key."""
        return {"labels": _labels(self.newest or {}), **self._regular.values()}


class SearchTally(_Newest):
    """The searches of one search page in an interval."""

    def __init__(self, access_type_of: AccessTypeOf):
        """Take a rule that searches do not need: they have no access type."""
        super().__init__()
        self._rows: Counter[tuple[str, ...]] = Counter()

    def add(self, event: Event, event_id: str, moment: datetime, is_request: bool) -> None:
        """Add a search."""
        self._keep(event, event_id, moment)
        self._rows[_search_attributes(event)] += 1

    def values(self) -> dict[str, Any]:
        """Return all fields but the key."""
        rows = [{**_named(attributes, SEARCH_ROW_FIELDS), "count": n} for attributes, n in sorted(self._rows.items())]
        return {"count": self.count, "rows": rows}


def find_access_type(event: Event, access_type_of: AccessTypeOf) -> str:
    """Return COUNTER's access type of an event; if it has none, by its access status."""
    known = event.get("access_type")
    return known if known in ACCESS_TYPES else access_type_of(event.get("access_status"))


def item_fields(event: Event) -> dict[str, Any]:
    """Return parent, labels and access status of the item, as an event has them."""
    fields = {
        "parent_id": key_of(event, RECORD_KEYS),
        "labels": _labels(event),
        "access_status": event.get("access_status"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _labels(event: Event) -> list[str]:
    labels = event.get("labels") or []
    return sorted(str(label) for label in labels if label is not None) if isinstance(labels, list) else [str(labels)]


def _search_attributes(event: Event) -> tuple[str, ...]:
    """Return the values of SEARCH_ROW_FIELDS, "" for each that the event lacks; regular use has no access method."""
    method = TDM if event.get("access_method") == TDM else ""
    return method, str(event.get("country") or ""), str(event.get("institution") or "")


def _named(attributes: tuple[str, ...], fields: tuple[str, ...]) -> dict[str, str]:
    return {field: value for field, value in zip(fields, attributes, strict=True) if value}
