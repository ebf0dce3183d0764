"""Moments in time: text to aware UTC and back, the only place that parses or writes them."""

import re
from datetime import date, datetime, timedelta, timezone

UTC = timezone.utc

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Before all that is counted."""

# Compiled when the first such text comes: importing the package does not pay for it.
_TIMESTAMP = (
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?)?"
    r"(?P<zone>Z|z|[+-]\d{2}(?::?\d{2})?)?$"
)
_CALENDAR = r"(?P<year>\d{4})(?:-(?P<month>\d{2}))?$"


def utc(moment: datetime) -> datetime:
    """Return the moment as aware UTC; a moment without zone is taken as UTC."""
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse(value: str | datetime | date) -> datetime:
    """Return the aware UTC moment that a timestamp names.

    Accepts what the engine holds: with or without zone, with or without a fraction of up to
    nine digits (cut to microseconds), a date alone (its first second), and datetimes. Raises
    ValueError that quotes the value.
    """
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a timestamp. Write it as '2026-01-31T10:00:00'.")
    try:  # the general way takes five times as long; to put the zone in, and not have it read, twice
        return utc(datetime.fromisoformat(f"{value}+00:00" if is_iso(value) else value))
    except (ValueError, OverflowError):  # a zone may carry the first or last day out of the calendar
        return _parse_slowly(value)


def _parse_slowly(value: str) -> datetime:
    match = re.match(_TIMESTAMP, value.strip())
    if match is None:
        raise ValueError(f"{value!r} is not a timestamp. Write it as '2026-01-31T10:00:00'.")
    part = match.groupdict()
    zone = (part["zone"] or "Z").upper().replace(":", "")
    offset = timedelta()
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5] or 0)) * (-1 if zone[0] == "-" else 1)
    try:
        day = date.fromisoformat(part["date"])
        moment = datetime(
            day.year,
            day.month,
            day.day,
            int(part["hour"] or 0),
            int(part["minute"] or 0),
            int(part["second"] or 0),
            int((part["fraction"] or "0")[:6].ljust(6, "0")),
            tzinfo=timezone(offset),
        )
        return utc(moment)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r} is not a timestamp: {error}.") from error


def parse_calendar(value: str | datetime | date) -> datetime:
    """Return the moment that a date in a question names: '2026' and '2026-03' mean their first day."""
    if isinstance(value, str):
        match = re.match(_CALENDAR, value.strip())
        if match:
            value = f"{match['year']}-{match['month'] or '01'}-01"
    return parse(value)


def to_second(moment: datetime) -> datetime:
    """Cut the fraction of a second off."""
    return moment.replace(microsecond=0) if moment.microsecond else moment


def iso(moment: datetime) -> str:
    """Write a moment as UTC without zone, as events and totals hold it: '2026-01-31T10:00:00'."""
    return utc(moment).isoformat().removesuffix("+00:00")


def is_iso(text: str) -> bool:
    """Say whether a text that can be parsed is one that `iso` writes for a whole second, as most timestamps are."""
    is_separated = len(text) == 19 and text[10] == "T" and text[4] == text[7] == "-" and text[13] == text[16] == ":"
    return is_separated and text.isascii() and text[11:13] != "24"  # midnight, which a newer Python reads


def iso_zoned(moment: datetime) -> str:
    """Write a moment as UTC with its zone: '2026-01-31T10:00:00+00:00'."""
    return utc(moment).isoformat()
