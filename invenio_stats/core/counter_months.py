"""Describe what COUNTER reports are made from: the usage of a closed month, and the month itself."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from invenio_stats.core.intervals import after
from invenio_stats.core.item_usage import ITEM_NUMBERS
from invenio_stats.core.moments import utc
from invenio_stats.core.periods import add_months

REGULAR = "Regular"
"""Access method of all use but text and data mining."""

UNKNOWN_YOP = "0001"
"""COUNTER's year of publication of an item whose year is not known."""

UNSPECIFIED = "Unspecified"
"""COUNTER's Data_Type of an item without a type."""

SEARCHES = "Searches_Platform"
METRICS: Mapping[str, str] = {
    "Total_Item_Investigations": "total_item_investigations",
    "Total_Item_Requests": "total_item_requests",
    "Unique_Item_Investigations": "unique_item_investigations",
    "Unique_Item_Requests": "unique_item_requests",
}
"""COUNTER's metrics of items, each with its field in the documents of months."""

CLOSED, RESTATED = STATES = ("closed", "restated")
"""States of a month that has been closed."""


class MonthUsage(NamedTuple):
    """The usage of an item in a month, of one set of attributes: a document behind `stats-counter-usage`.

    The fields of the document have the same names; those of attributes that are not known are absent.
    """

    item_id: str
    data_type: str
    """As the item was described when the month was closed or last restated; so is `yop`."""
    yop: str
    access_type: str
    access_method: str
    """`Regular` or `TDM`."""
    country: str
    """Code of ISO 3166; "" if the country is not known."""
    institution: str
    """Id of a customer; "" if the use belongs to none."""
    total_item_investigations: int
    total_item_requests: int
    unique_item_investigations: int
    unique_item_requests: int

    @classmethod
    def from_source(cls, source: Mapping[str, Any]) -> "MonthUsage":
        """Return the usage in a stored document."""
        return cls(*(source.get(field, 0 if field in ITEM_NUMBERS else "") for field in cls._fields))

    def as_source(self) -> dict[str, Any]:
        """Return the document to store."""
        return {field: value for field, value in self._asdict().items() if value != ""}


class Month(NamedTuple):
    """A month that was closed: a document of `stats-counter-months`, whose id is the month."""

    month: str
    """`yyyy-mm`."""
    state: str
    """`closed` or `restated`."""
    revision: int
    """1 when it was closed, one more with each restatement."""
    closed: str
    """Moment of the close, ISO 8601 with time zone."""
    changed: str
    """Moment of the newest revision, in the same form."""
    sums: Mapping[str, int]
    """By metric (COUNTER's name), Searches_Platform included if searches are counted."""
    documents: int
    """Number of documents in the usage of the newest revision."""
    searches: tuple[Mapping[str, Any], ...] = ()
    """Searches_Platform: dicts with access_method, country and institution ("" if not known), and count."""
    has_searches: bool = False
    """True if searches were counted when the month was closed."""
    lists_version: str = ""
    """Version of the lists of robots that was in force."""
    accepted: tuple[Mapping[str, Any], ...] = ()
    """What the close was allowed to ignore: dicts with `reason` (the operator's) and `what`."""
    log: tuple[Mapping[str, Any], ...] = ()
    """Revisions, oldest first: dicts with `at`, `revision`, `reason` and `difference` by metric."""
    deposit: Mapping[str, Any] = {}
    """State of the deposit, see `counter.deposit`."""
    days: Mapping[str, int] = {}
    """Total_Item_Investigations by day, of the days that have any."""
    search_days: Mapping[str, int] = {}
    """Searches_Platform by day in the same way."""

    @classmethod
    def from_source(cls, source: Mapping[str, Any]) -> "Month":
        """Return the month in a stored document."""
        known = {field: source[field] for field in cls._fields if field in source}
        for field in ("searches", "accepted", "log"):
            known[field] = tuple(known.get(field, ()))
        return cls(**known)

    def as_source(self) -> dict[str, Any]:
        """Return the document to store."""
        return {field: list(value) if isinstance(value, tuple) else value for field, value in self._asdict().items()}


class Edges(NamedTuple):
    """The first moment of a month, and the first after it, in UTC."""

    start: datetime
    end: datetime


def parse_month(text: str) -> date:
    """Return the first day of '2026-05'; a ValueError for any other text."""
    if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) is None or text.startswith(("0000", "9999")):
        raise ValueError(f"{text!r} is not a month. Write it as '2026-05'.")
    return date.fromisoformat(f"{text}-01")


def format_month(day: date) -> str:
    """Return the month of a day as '2026-05'."""
    return day.isoformat()[:7]


def next_month(month: str, distance: int = 1) -> str:
    """Return the month that is this many months later; earlier for a negative distance."""
    return format_month(add_months(parse_month(month), distance))


def months_between(first: str, last: str) -> list[str]:
    """Return all months from the first to the last, both included; [] if the last is before the first."""
    months = []
    while first <= last:
        months.append(first)
        first = next_month(first)
    return months


def first_month_kept(today: date) -> str:
    """Return the oldest month that reports are offered of: the current calendar year and the 24 months before it.

    COUNTER 5.1, "Time": see docs/counter.
    """
    return f"{today.year - 2:04}-01"


def edges_of(month: str) -> Edges:
    """Return when a month begins and ends."""
    start = utc(datetime.combine(parse_month(month), datetime.min.time()))
    return Edges(start, after(start, "month"))


def last_month_due(now: datetime, days: float) -> str:
    """Return the newest month that has been over for so many days."""
    return next_month(format_month(utc(now) - timedelta(days=days)), -1)
