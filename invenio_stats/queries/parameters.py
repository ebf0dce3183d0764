"""Parameters of a question: each is read strictly, and what is wrong is named with its value and the cure."""

import inspect
import reprlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from invenio_stats.core import moments
from invenio_stats.errors import InvalidRequestInputError

INTERVALS: dict[str, int] = {"year": 365, "quarter": 90, "month": 28, "week": 7, "day": 1}
"""The intervals of a histogram, each with its fewest days."""

MAX_TEXT = 4096
"""The longest text that a parameter may be, in characters; longer than any file key or address."""

MAX_NUMBER = 2**63
"""Numbers are smaller than this, which is what the engine's whole numbers can be."""

MAX_BUCKETS = 65_535
"""The most intervals in one histogram, which is the engine's own default limit (`search.max_buckets`)."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80
_short.maxlong = 40
_short.maxlevel = 2
_short.maxlist = _short.maxdict = 5


def quote(value: object) -> str:
    """Show a value that a client sent; short, however long or deep it is."""
    return _short.repr(value)


def filter_value(parameter: str, value: object) -> str | int | float:
    """Return the one value that a filter compares a field with."""
    if isinstance(value, (UUID, date)):
        return value.isoformat() if isinstance(value, date) else str(value)
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
    if not -MAX_NUMBER <= value < MAX_NUMBER:  # nor are NaN and infinity between any two numbers
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is the number %(value)s. Give one between -2^63 and 2^63.",
                parameter=parameter,
                value=quote(value),
            )
        )
    return value


def check_text(parameter: str, value: str) -> str:
    """Return the text, which is not empty, not too long, and can be written as UTF-8."""
    if not value:
        raise InvalidRequestInputError(_("%(parameter)s is an empty text. Give a value.", parameter=parameter))
    if len(value) > MAX_TEXT:
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is %(value)s, %(length)s characters long. Give at most %(most)s.",
                parameter=parameter,
                value=quote(value),
                length=len(value),
                most=MAX_TEXT,
            )
        )
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is %(value)s, which holds half of a character. Send whole Unicode characters.",
                parameter=parameter,
                value=quote(value),
            )
        )
    return value


def read_date(value: object, parameter: str = "date") -> datetime:
    """Return the naive UTC moment of a date; a year or month alone means its first day.

    Naive, because what subclasses write from it (`isoformat()`) goes to clients without a zone.
    """
    try:
        if not isinstance(value, (str, date)):
            raise ValueError("neither text nor a date")
        return moments.parse_calendar(value).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise not_a_date(parameter, value) from error


def not_a_date(parameter: str, value: object) -> InvalidRequestInputError:
    """Return the error for what cannot be read as a date."""
    return InvalidRequestInputError(
        _(
            "%(parameter)s is %(value)s, which is not a date. "
            "Write it as '2026-01-31', '2026-01', '2026' or '2026-01-31T10:00:00'.",
            parameter=parameter,
            value=quote(value),
        )
    )


def check_range(start: datetime | None, end: datetime | None) -> None:
    """Refuse a range that ends before it starts."""
    if start is not None and end is not None and start > end:
        raise InvalidRequestInputError(
            _(
                "start_date %(start)s is after end_date %(end)s. Exchange them, or leave one out.",
                start=moments.iso(start),
                end=moments.iso(end),
            )
        )


def check_interval(interval: object, start: datetime | None, end: datetime | None) -> None:
    """Refuse an interval that there is not, or that is too short for the range."""
    if not isinstance(interval, str) or interval not in INTERVALS:
        raise InvalidRequestInputError(
            _(
                "interval is %(value)s. Use one of: %(known)s.",
                value=quote(interval),
                known=", ".join(INTERVALS),
            )
        )
    if start is not None and end is not None and (end - start).days // INTERVALS[interval] >= MAX_BUCKETS:
        raise too_many_intervals(interval, start, end)


def too_many_intervals(interval: str, start: datetime | None, end: datetime | None) -> InvalidRequestInputError:
    """Return the error for a histogram that would not end."""
    return InvalidRequestInputError(
        _(
            "interval %(interval)s from start_date %(start)s to end_date %(end)s makes more than %(most)s intervals. "
            "Choose a longer interval, or dates closer together.",
            interval=interval,
            start=moments.iso(start) if start else None,
            end=moments.iso(end) if end else None,
            most=MAX_BUCKETS,
        )
    )


def too_many_groups(most: int, fields: Iterable[str]) -> InvalidRequestInputError:
    """Return the error for more groups than one answer may have."""
    return InvalidRequestInputError(
        _(
            "There are more than %(most)s groups by %(fields)s. Choose fewer with start_date and end_date.",
            most=most,
            fields=", ".join(fields),
        )
    )


def values_refused(values: Mapping[str, Any]) -> InvalidRequestInputError:
    """Return the error for values that the engine cannot compare with their fields."""
    return InvalidRequestInputError(
        _(
            "The search engine cannot compare these values with their fields: %(values)s. "
            "Give each the type of its field.",
            values=", ".join(f"{name}={quote(value)}" for name, value in values.items()),
        )
    )


def check_names(given: Mapping[str, Any], required: Iterable[str], known: Iterable[str]) -> None:
    """Refuse parameters that are missing or that nobody would read; all of them at once."""
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


def taken(function: Callable[..., Any], names: Iterable[str], skip: int = 0) -> set[str]:
    """Return which names a function takes as keyword arguments, beside its first `skip` arguments."""
    arguments = list(inspect.signature(function).parameters.values())
    own = {argument.name for argument in arguments[:skip]} | {"self"}  # which a bound method does not show
    if any(argument.kind is argument.VAR_KEYWORD for argument in arguments):
        return set(names) - own
    return set(names) & {argument.name for argument in arguments} - own
