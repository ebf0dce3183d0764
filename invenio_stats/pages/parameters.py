"""Read what a visitor asks for from the address of a page, and write the addresses of other choices.

The whole state of a page is in its address, and the parameters are those of the queries.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask_babel import gettext as _

from invenio_stats.core import periods
from invenio_stats.core.periods import Days
from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.queries.parameters import quote
from invenio_stats.queries.usage.parameters import Accepted, Parameters, read_parameters

MAX_INTERVALS = 120
"""Intervals of a series in a page."""
SIZES = (10, 25, 100)
"""Rows of a list in a page."""
_OF_PAGES = ("page", "size", "by")
_OF_RANGES = ("period", "from", "to", "interval")


class Choice(NamedTuple):
    """What a page shows: as it was asked for, or by default."""

    address: str
    """The page without parameters."""
    given: Mapping[str, str]
    """The parameters of the address, without empty fields of the form."""
    parameters: Parameters
    default_period: str

    @property
    def period(self) -> str | None:
        """The name of the period; None for dates."""
        return None if self.has_dates else self.given.get("period", self.default_period)

    @property
    def has_dates(self) -> bool:
        """Whether dates were given in place of a period."""
        return "from" in self.given or "to" in self.given

    @property
    def range_params(self) -> dict[str, str]:
        """The range as parameters of a query; the period by its name."""
        if self.has_dates:
            return {name: self.given[name] for name in ("from", "to") if name in self.given}
        return {"period": str(self.period)}

    @property
    def days(self) -> Days | None:
        """The days of the range; None if it begins with the first total."""
        first, last = self.parameters.first, self.parameters.last
        return None if first is None else Days(first, last)

    def link(self, **changes: str | int | None) -> str:
        """Return the address with other parameters; None leaves one out. `first_day` stands for `from`."""
        changes = {"from" if name == "first_day" else name: value for name, value in changes.items()}
        changed = {**self.given, **changes}
        return link_to(self.address, {name: value for name, value in changed.items() if value is not None})

    def link_to_period(self, period: str) -> str:
        """Return the address of the page for a period; the default has none of its own."""
        others = {name: None for name in (*_OF_RANGES, "page")}
        return self.link(**{**others, "period": None if period == self.default_period else period})

    def link_to_days(self, first: date, last: date, interval: str | None = None) -> str:
        """Return the address of the page for a range of days."""
        ends = {"first_day": write_end(first), "to": write_end(last, is_last=True)}
        return self.link(**ends, period=None, interval=interval, page=None)


def link_to(address: str, params: Mapping[str, object]) -> str:
    """Return an address with parameters."""
    return f"{address}?{urlencode(params)}" if params else address


def write_end(day: date, is_last: bool = False) -> str:
    """Return the end of a range as a month if it is the edge of one, otherwise as a day."""
    edge = periods.add_months(day.replace(day=1), 1) - date.resolution if is_last else day.replace(day=1)
    return f"{day:%Y-%m}" if day == edge else day.isoformat()


def read_choice(
    address: str,
    args: Mapping[str, str],
    accepted: Accepted,
    today: date,
    others: Sequence[str] = (),
) -> Choice:
    """Return the choice that an address makes; InvalidRequestInputError names the parameter and the cure.

    `accepted` has the defaults of the page; `others` are names that the page reads itself.
    """
    given = {name: value for name, value in args.items() if value != "" and name != "format"}
    asked: dict[str, Any] = {name: value for name, value in given.items() if name not in others}
    if accepted.scope not in others:
        asked.pop(accepted.scope, None)
    parameters = read_parameters(accepted._replace(scope="repository"), asked, today)
    if "after" in given:
        raise InvalidRequestInputError(_("Pages have no after. Give page and size."))
    if "size" in given and parameters.size not in SIZES:
        raise InvalidRequestInputError(
            _(
                "size is %(value)s. Give one of: %(known)s.",
                value=quote(given["size"]),
                known=", ".join(map(str, SIZES)),
            )
        )
    choice = Choice(address, given, parameters, accepted.period)
    if choice.days is not None and parameters.interval is not None:
        check_intervals(sum(1 for _part in periods.split(choice.days, parameters.interval)), parameters.interval)
    return choice


class TooManyIntervalsError(InvalidRequestInputError):
    """A page would have more than MAX_INTERVALS points; `longer` is the next longer interval."""

    def __init__(self, interval: str):
        """Take the interval that was asked for."""
        self.longer = periods.INTERVALS[min(periods.INTERVALS.index(interval) + 1, len(periods.INTERVALS) - 1)]
        super().__init__(
            _(
                "interval %(interval)s makes more than %(limit)s steps. Choose %(longer)s, or dates closer together.",
                interval=interval,
                limit=MAX_INTERVALS,
                longer=self.longer,
            )
        )


def check_intervals(count: int, interval: str) -> None:
    """Raise TooManyIntervalsError for a series that is too long for a page."""
    if count > MAX_INTERVALS:
        raise TooManyIntervalsError(interval)
