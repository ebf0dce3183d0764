"""Parse and check the parameters of a query; an error names the parameter, its value and the cure."""

import inspect
import reprlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _

from invenio_stats.core import moments
from invenio_stats.errors import InvalidDateError, InvalidRequestInputError
from invenio_stats.queries.canonical import canonical

INTERVALS: dict[str, int] = {"year": 365, "quarter": 90, "month": 28, "week": 7, "day": 1}
"""The intervals of a histogram, each with its minimal number of days."""

MAX_TEXT_CHARACTERS = 4096
"""Maximal length of a text parameter in characters; longer than any file key or address."""

MAX_BUCKETS = 65_535
"""Maximal number of intervals in a histogram: the search engine's default limit (`search.max_buckets`)."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80
_short.maxlong = 40
_short.maxlevel = 2
_short.maxlist = _short.maxdict = 5


def quote(value: object) -> str:
    """Return the representation of a client's value, shortened if it is long or deep."""
    return _short.repr(value)


def filter_value(parameter: str, value: object) -> str:
    """Return the text with which a filter compares a field; InvalidRequestInputError if it is not a single value."""
    if isinstance(value, date):
        return value.isoformat()
    value = canonical(value)
    if isinstance(value, str):
        return check_text(parameter, value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is %(value)s. Give one value: a text (for yes and no: 'true', 'false') or a number.",
                parameter=parameter,
                value=quote(value),
            )
        )
    raise InvalidRequestInputError(
        _(
            "%(parameter)s is the number %(value)s. Give one between -2^63 and 2^63.",
            parameter=parameter,
            value=quote(value),
        )
    )


def check_text(parameter: str, value: str) -> str:
    """Return the text; InvalidRequestInputError if it is empty, too long or cannot be encoded as UTF-8."""
    if not value:
        raise InvalidRequestInputError(_("%(parameter)s is an empty text. Give a value.", parameter=parameter))
    if len(value) > MAX_TEXT_CHARACTERS:
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is %(value)s, %(length)s characters long. Give at most %(limit)s.",
                parameter=parameter,
                value=quote(value),
                length=len(value),
                limit=MAX_TEXT_CHARACTERS,
            )
        )
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is %(value)s, which contains an unpaired surrogate. Send valid Unicode.",
                parameter=parameter,
                value=quote(value),
            )
        )
    return value


def read_date(value: object, parameter: str = "date") -> datetime:
    """Return the naive UTC moment of a date; a year or month alone means its first day.

    It is naive because subclasses format it by `isoformat()`, and clients expect dates without time zone.
    InvalidRequestInputError if the value is not a date.
    """
    try:
        if not isinstance(value, (str, date)):
            raise ValueError("neither text nor a date")
        return moments.parse_calendar(value).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise not_a_date(parameter, value) from error


def not_a_date(parameter: str, value: object) -> InvalidDateError:
    """Return the error for a value that is not a date."""
    return InvalidDateError(
        _(
            "%(parameter)s is %(value)s, which is not a date. "
            "Write it as '2026-01-31', '2026-01', '2026' or '2026-01-31T10:00:00'.",
            parameter=parameter,
            value=quote(value),
        )
    )


def check_range(start: datetime | None, end: datetime | None) -> None:
    """Reject a range that ends before it starts."""
    if start is not None and end is not None and start > end:
        raise InvalidRequestInputError(
            _(
                "start_date %(start)s is after end_date %(end)s. Exchange them, or leave one out.",
                start=moments.iso(start),
                end=moments.iso(end),
            )
        )


def check_interval(interval: object, start: datetime | None, end: datetime | None) -> None:
    """Reject an unknown interval, and one that is too short for the range."""
    if not isinstance(interval, str) or interval not in INTERVALS:
        raise InvalidRequestInputError(
            _(
                "interval is %(value)s. Use one of: %(known)s.",
                value=quote(interval),
                known=", ".join(INTERVALS),
            )
        )
    if count_intervals(interval, start, end) > MAX_BUCKETS:
        raise too_many_intervals(interval, start, end)


def count_intervals(interval: str, start: datetime | None, end: datetime | None) -> int:
    """Return the maximal number of intervals in a range; 0 for an open range, since only the totals can tell."""
    return 0 if start is None or end is None else (end - start).days // INTERVALS[interval] + 1


def too_many_intervals(interval: str, start: datetime | None, end: datetime | None) -> InvalidRequestInputError:
    """Return the error for a histogram with too many intervals."""
    return InvalidRequestInputError(
        _(
            "interval %(interval)s from start_date %(start)s to end_date %(end)s makes more than %(limit)s intervals. "
            "Choose a longer interval, or dates closer together.",
            interval=interval,
            start=moments.iso(start) if start else None,
            end=moments.iso(end) if end else None,
            limit=MAX_BUCKETS,
        )
    )


def too_many_groups(limit: int, fields: Iterable[str]) -> InvalidRequestInputError:
    """Return the error for more groups than one answer may have."""
    return InvalidRequestInputError(
        _(
            "There are more than %(limit)s groups by %(fields)s. Choose fewer with start_date and end_date.",
            limit=limit,
            fields=", ".join(fields),
        )
    )


def too_many_buckets(limit: float, count: int) -> InvalidRequestInputError:
    """Return the error for a request whose answers have more buckets than one request may have."""
    return InvalidRequestInputError(
        _(
            "The answers have %(count)s buckets or more; a request may have %(limit)s (STATS_QUERY_MAX_BUCKETS). Send "
            "fewer queries at once, or choose longer intervals, or dates closer together.",
            count=count,
            limit=limit,
        )
    )


def too_many_rows(limit: int, count: int) -> InvalidRequestInputError:
    """Return the error for a list that is too long for a file."""
    return InvalidRequestInputError(
        _(
            "The list has %(count)s rows; a file may have %(limit)s (STATS_EXPORT_ROWS). Give size, and go on with "
            "after, or ask for less.",
            count=count,
            limit=limit,
        )
    )


def values_refused(values: Mapping[str, Any]) -> InvalidRequestInputError:
    """Return the error for values that the search engine cannot compare with their fields."""
    return InvalidRequestInputError(
        _(
            "The search engine cannot compare these values with their fields: %(values)s. "
            "Give each the type of its field, and a number its shortest form: 7, not 07 or 7.0.",
            values=", ".join(f"{name}={quote(value)}" for name, value in values.items()),
        )
    )


def check_names(given: Mapping[str, Any], required: Iterable[str], known: Iterable[str]) -> None:
    """Reject missing parameters and unknown ones; the error names all of them."""
    missing = sorted(set(required) - set(given))
    if missing:
        raise InvalidRequestInputError(
            _("Missing required parameters: %(names)s. Give each a value.", names=", ".join(missing))
        )
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InvalidRequestInputError(
            _(
                "Unknown parameters: %(names)s. Known ones: %(known)s.",
                names=", ".join(map(quote, unknown[:5])),
                known=", ".join(sorted(known)),
            )
        )


def accepted_names(function: Callable[..., Any], names: Iterable[str], skip: int = 0) -> set[str]:
    """Return the names that a function accepts as keyword arguments, without its first `skip` arguments."""
    arguments = list(inspect.signature(function).parameters.values())
    # "self" is not in the signature of a bound method, but cannot be a keyword argument either.
    own = {argument.name for argument in arguments[:skip]} | {"self"}
    if any(argument.kind is argument.VAR_KEYWORD for argument in arguments):
        return set(names) - own
    return set(names) & {argument.name for argument in arguments} - own
