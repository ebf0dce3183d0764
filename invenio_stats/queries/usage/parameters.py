"""Read the parameters of a question about usage; an error names the parameter, its value and the cure."""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask_babel import gettext as _

from invenio_stats.core import periods
from invenio_stats.core.periods import Days
from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.queries.parameters import check_names, check_text, quote

COMPARISONS = ("before", "year", "none")
VERSIONS = ("all", "this")
MAX_SIZE = 1_000
"""Maximal number of rows in one answer."""
MAX_PAGED_ROWS = 100_000
"""How far a list goes by `page`; `after` goes to its end."""
MAX_RANK = 10**9
"""The last row that a list can go on from."""
MAX_POINTS = 10_000
"""Maximal number of points in a series."""
SCOPES = ("record", "community", "file", "user")
"""The scopes that a parameter of the same name chooses; the other one is the whole repository."""


class Position(NamedTuple):
    """Where a list goes on: after this row."""

    rank: int
    value: int
    id: str
    """Empty if the asker may not see the row: then the list goes on by rank."""
    proof: str = ""
    """Signature of a position with an id; what is made up goes on by rank, see `UsageListQuery.read`."""


class Accepted(NamedTuple):
    """The parameters of a query, each with its default; what is None or empty is not a parameter of it."""

    scope: str
    period: str = "12m"
    compares: bool = True
    has_versions: bool = True
    has_interval: bool = False
    by: tuple[str, ...] = ()
    """What a list can be ordered by, the default first; only lists have it, and pages."""

    @property
    def names(self) -> list[str]:
        """The names of all parameters, those of the scope first."""
        return [
            *([self.scope] if self.scope in SCOPES else []),
            *("period", "from", "to"),
            *(["interval"] if self.has_interval else []),
            *(["compare"] if self.compares else []),
            *(["versions"] if self.has_versions else []),
            *(["by", "page", "size", "after"] if self.by else []),
        ]


class Parameters(NamedTuple):
    """Parameters as they were given or by default, checked one by one and against each other."""

    scope_id: str | None
    first: date | None
    """None for the first total."""
    last: date
    interval: str | None
    """None for the usual one."""
    compare: str
    versions: str
    by: str | None
    size: int
    page: int
    after: Position | None


def read_parameters(accepted: Accepted, params: Mapping[str, Any], today: date) -> Parameters:
    """Return the parameters of a question that is asked today; an InvalidRequestInputError for any that do not fit."""
    given = {name: value for name, value in params.items() if value is not None}
    check_names(given, [accepted.scope] if accepted.scope in SCOPES else [], accepted.names)
    first, last = _read_range(given, accepted.period, today)
    if "page" in given and "after" in given:
        raise InvalidRequestInputError(
            _("Both page and after are given. Give page to choose a page, or after to go on from the answer before.")
        )
    page, size = _read_number(given, "page", 1, MAX_PAGED_ROWS), _read_number(given, "size", 25, MAX_SIZE)
    if page * size > MAX_PAGED_ROWS:
        raise InvalidRequestInputError(
            _(
                "page %(page)s with size %(size)s is beyond row %(limit)s. Go on from page to page with after.",
                page=page,
                size=size,
                limit=MAX_PAGED_ROWS,
            )
        )
    return Parameters(
        scope_id=_read_scope_id(given, accepted.scope),
        first=first,
        last=last,
        interval=_choose(given, "interval", periods.INTERVALS, None),
        compare=_choose(given, "compare", COMPARISONS, "before") if accepted.compares else "none",  # type: ignore[arg-type]
        versions=_choose(given, "versions", VERSIONS, "all") or "all",
        by=_choose(given, "by", accepted.by, accepted.by[0] if accepted.by else None),
        size=size,
        page=page,
        after=_read_position(given["after"]) if "after" in given else None,
    )


def is_scope_id(value: object) -> bool:
    """Return True if a parameter can be the id of a scope, which is then its text."""
    return isinstance(value, str | int | UUID) and not isinstance(value, bool) and value != ""


def write_position(position: Position) -> str:
    """Return the value of `after` for the rows after this one."""
    text = json.dumps(list(position if position.proof else position[:-1]), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def check_points(days: Days, interval: str) -> None:
    """Reject a series with too many points, and name the next longer interval."""
    count = days.length // {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[interval]
    if count > MAX_POINTS:
        raise InvalidRequestInputError(
            _(
                "interval %(interval)s from %(start)s to %(end)s makes more than %(limit)s points. Choose %(longer)s, "
                "or dates closer together.",
                interval=interval,
                start=days.first,
                end=days.last,
                limit=MAX_POINTS,
                longer=periods.INTERVALS[periods.INTERVALS.index(interval) + 1],
            )
        )


def _read_scope_id(given: Mapping[str, Any], scope: str) -> str | None:
    if scope not in SCOPES:
        return None
    value = given[scope]
    if not is_scope_id(value):
        raise InvalidRequestInputError(
            _("%(parameter)s is %(value)s. Give an id, as a text.", parameter=scope, value=quote(value))
        )
    return check_text(scope, str(value))


def _read_range(given: Mapping[str, Any], period: str, today: date) -> tuple[date | None, date]:
    if "from" not in given and "to" not in given:
        name = _choose(given, "period", periods.PERIODS, period)
        return (None, today) if name in ("all", None) else periods.find_period(str(name), today)
    if "period" in given:
        raise InvalidRequestInputError(
            _(
                "period is %(period)s, and from or to is given as well. Give a period, or dates.",
                period=quote(given["period"]),
            )
        )
    first = _read_days(given, "from").first if "from" in given else None
    last = min(_read_days(given, "to").last, today) if "to" in given else today
    if first is not None and first > today:
        raise InvalidRequestInputError(
            _("from is %(first)s, which is in the future. Give a date up to %(today)s.", first=first, today=today)
        )
    if first is not None and first > last:
        raise InvalidRequestInputError(
            _("from %(first)s is after to %(last)s. Exchange them, or leave one out.", first=first, last=last)
        )
    return first, last


def _read_days(given: Mapping[str, Any], name: str) -> Days:
    value = given[name]
    if isinstance(value, datetime):
        value = value.date()
    try:
        days = Days(value, value) if isinstance(value, date) else periods.parse_days(str(value))
    except (ValueError, RecursionError) as error:  # of lists in lists, as deep as the parser takes them
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is %(value)s. Give a day, month or year: '2026-01-31', '2026-01' or '2026'.",
                parameter=name,
                value=quote(value),
            )
        ) from error
    if days.first < periods.FIRST_DAY:
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is %(value)s. Give a date from %(earliest)s on.",
                parameter=name,
                value=quote(value),
                earliest=periods.FIRST_DAY,
            )
        )
    return days


def _choose(given: Mapping[str, Any], name: str, known: tuple[str, ...], default: str | None) -> str | None:
    """Return the value of a parameter that has to be one of those known."""
    value: str | None = given.get(name, default)
    if name in given and (not isinstance(value, str) or value not in known):
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is %(value)s. Use one of: %(known)s.",
                parameter=name,
                value=quote(value),
                known=", ".join(known),
            )
        )
    return value


def _read_number(given: Mapping[str, Any], name: str, default: int, limit: int) -> int:
    value = given.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limit:
        raise InvalidRequestInputError(
            _(
                "%(parameter)s is %(value)s. Give a number from 1 to %(limit)s.",
                parameter=name,
                value=quote(value),
                limit=limit,
            )
        )
    return value


def _read_position(value: object) -> Position:
    try:
        text = str(value)
        found = Position(*json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)))
        if not (type(found.rank) is type(found.value) is int and 0 < found.rank <= MAX_RANK):
            raise ValueError("not a position")
        if not (isinstance(found.id, str) and isinstance(found.proof, str) and found.proof.isascii()):
            raise ValueError("not a position")
        return found
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise InvalidRequestInputError(
            _("after is %(value)s. Give the text that the answer before has as next.", value=quote(value))
        ) from error
