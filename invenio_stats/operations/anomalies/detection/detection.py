"""Look for unusual days and months, each night at those that are new."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Any

from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.completeness.index import shared_document
from invenio_stats.errors import StatsError
from invenio_stats.operations.anomalies.detection.days import examine_day
from invenio_stats.operations.anomalies.detection.months import examine_months, find_last_month
from invenio_stats.operations.anomalies.detection.sources import Sources, find_sources
from invenio_stats.operations.anomalies.store import keep_found
from invenio_stats.search import aliases
from invenio_stats.search.versions import Source

MAX_DAYS = 31
"""Days of the first night, and of the night after a long pause."""
DAYS_REPEATED = 3
"""Days that are looked at again: late events may have come."""

_ID = "anomalies:"
_ATTEMPTS = 5


def find_all() -> int:
    """Look for what is new, as the nightly task does; return how much was found."""
    return examine_new_days(current_search_client, datetime.now(timezone.utc))


def examine_new_days(client: Any, now: datetime) -> int:
    """Look at the days since the last night, and at the last finished month; return how much was found.

    Repeated, or killed and repeated, it keeps the same.
    """
    sources = find_sources(client)
    last = None if sources is None else sources.find_last_day(now)
    if sources is None or last is None:
        return 0
    mark = shared_document(client, _ID)
    examined = mark.source.get("examined")
    first = last - timedelta(days=MAX_DAYS - 1)
    if examined is not None and examined <= last.isoformat():  # later: the clock was ahead, and days would be left out
        first = max(first, date.fromisoformat(examined) - timedelta(days=DAYS_REPEATED - 1))
    found = examine_days(sources, _days_between(first, last), now)
    months = examine_months(sources, find_last_month(last), now)
    for month, unusual in months.items():
        keep_found(client, month, unusual)
    mark.change(lambda source: _moved(source, last), _ATTEMPTS)
    return found + sum(map(len, months.values()))


def examine_range(
    client: Any, first: date | None, last: date | None, now: datetime, on_day: Callable[[int, int], None]
) -> int:
    """Look at the finished days of a range, by default at the last 31; return how much was found.

    `on_day` is called after each with the number of days done, and of all. StatsError if item usage is not counted.
    """
    sources = find_sources(client)
    counted = None if sources is None else sources.find_last_day(now)
    if sources is None or counted is None:
        raise StatsError(
            _("Unusual days are found in the usage of items by day, which is not counted. Configure item-usage-agg.")
        )
    last = min(last or counted, counted)
    oldest = aliases.oldest(client, sources.items)
    known = [] if oldest is None else _days_between(oldest.date(), last)
    days = known[-MAX_DAYS:] if first is None else [day for day in known if day >= first]
    done: list[date] = []

    def count(day: date) -> None:
        done.append(day)
        on_day(len(done), len(days))

    return examine_days(sources, days, now, count)


def examine_days(
    sources: Sources, days: Iterable[date], now: datetime, on_day: Callable[[date], None] = lambda day: None
) -> int:
    """Look at some finished days; return how much was found. `on_day` is called after each of them."""
    number = 0
    for day in days:
        found = examine_day(sources, day, now)
        keep_found(sources.client, day.isoformat(), found)
        number += len(found)
        on_day(day)
    return number


def _moved(source: Source, last: date) -> Source | None:
    """Return the document of how far days have been looked at; None if it is so far."""
    return None if source.get("examined") == last.isoformat() else {"examined": last.isoformat()}


def _days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
