"""Answer questions about holdings from the database; an answer is kept until the hour is over.

An instance without a database never imports this module: its queries are absent.
"""

import hashlib
import json
import logging
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timezone
from typing import Any, Literal, NamedTuple

from flask_babel import gettext as _
from invenio_db import db
from sqlalchemy.exc import SQLAlchemyError

from invenio_stats.core import moments, periods
from invenio_stats.errors import InvalidRequestInputError, NoAnswerError, NotFoundError
from invenio_stats.items.access import Identity, current_identity
from invenio_stats.privacy.error_texts import is_database_away
from invenio_stats.proxies import current_stats
from invenio_stats.queries import answer_cache, parameters
from invenio_stats.queries.states import hourly_state

logger = logging.getLogger(__name__)

Scope = Literal["repository", "community"]
Answer = dict[str, Any]

MAX_SIZE = 1_000
"""Maximal number of rows in one answer."""

MAX_ROW = 10**9
"""The last row that a list can go on from."""

FIRST_DAY = periods.FIRST_DAY.isoformat()


class Asked(NamedTuple):
    """The checked parameters of a question."""

    community: str | None
    """The label, if the scope is a community."""
    by: str
    size: int
    offset: int
    first: str | None
    """First day, as text; None for the first holding."""
    last: str

    @property
    def key(self) -> str:
        """The same for equal questions."""
        return hashlib.sha256(json.dumps(self).encode()).hexdigest()


class DatabaseQuery:
    """A named query that is answered by one SQL statement; base of those in `queries.holdings`.

    A holding is a published record that is not deleted, all its versions one, as it is now. Answers have `query`,
    `params`, `updated` (when the database was asked), `complete` (True) and `gaps` ([]).
    """

    names: tuple[str, ...] = ()
    """Names of parameters, beside `community`."""
    orders: tuple[str, ...] = ("",)
    """Values of `by`, the default first."""

    schemas: Mapping[str, Any] = {"after": {"type": "integer", "minimum": 0, "maximum": MAX_ROW}}
    """OpenAPI's schemas of parameters that differ from those of other queries."""

    checks_names = True
    """Whether a parameter of any other name is refused."""
    names_people = False
    """Whether answers name users: then browsers keep nothing of them."""

    def __init__(self, name: str, scope: Scope = "repository"):
        """Ask about the whole repository, or about the community that the parameter `community` names."""
        self.name = name
        self.scope = scope
        self.required_filters = ("community",) if scope == "community" else ()
        self.optional_filters = self.names

    def run(self, /, **params: Any) -> Answer:
        """Return the answer to whoever makes the current request."""
        return self.answer(params, current_identity())

    def state(self, params: Mapping[str, Any], now: datetime) -> str:
        """Return a text that is another when the numbers of the answer may be."""
        return hourly_state(now)

    def answer(self, params: Mapping[str, Any], identity: Identity) -> Answer:
        """Return the answer to somebody; `items.access.SYSTEM` is the identity of commands and tasks.

        An InvalidRequestInputError names the invalid parameter; NotFoundError for an unknown community, NoAnswerError
        if the database does not answer.
        """
        now = datetime.now(timezone.utc)
        asked = self._read(params, now)
        key = f"stats-database:{self.name}:{asked.key}:{hourly_state(now)}"
        numbers = answer_cache.get(key)
        if numbers is None:
            numbers = {"updated": moments.iso_zoned(now), "rows": self._ask_database(asked)}
            answer_cache.keep(key, numbers, _seconds_left(now))
        common = {"query": self.name, "params": dict(params), "updated": numbers["updated"]}
        return common | {"complete": True, "gaps": []} | self.present(asked, numbers["rows"], now, identity)

    def parts(self, params: Mapping[str, Any], identity: Identity, limit: int) -> Iterator[Answer]:
        """Yield the answer for the whole list, page by page; an error if it has more rows than the limit."""
        asked = {**params, "size": MAX_SIZE}
        while True:
            answer = self.answer(asked, identity)
            if answer["count"] > limit:
                raise parameters.too_many_rows(limit, answer["count"])
            yield {**answer, "params": dict(params), "unknown": 0 if answer["next"] else answer["unknown"]}
            if not answer["next"]:
                return
            asked["after"] = answer["next"]

    def statement(self, holdings: Any, asked: Asked) -> Any:
        """Return the statement that answers the question."""
        raise NotImplementedError

    def present(self, asked: Asked, rows: list[dict[str, Any]], now: datetime, identity: Identity) -> Answer:
        """Return the part of the answer that is made from the rows."""
        raise NotImplementedError

    def _ask_database(self, asked: Asked) -> list[dict[str, Any]]:
        try:
            statement = self.statement(current_stats.access.holdings(), asked)
            # A connection of its own: an error does not end the transaction of the request.
            with db.engine.connect() as connection:
                return [_as_json(row) for row in connection.execute(statement).mappings()]
        except SQLAlchemyError as error:
            facts = {"query": self.name, "error": type(error).__name__}
            logger.error("A query got no answer", exc_info=None if is_database_away(error) else error, extra=facts)
            raise NoAnswerError(503, _("The database does not answer. Ask again later.")) from error

    def _read(self, params: Mapping[str, Any], now: datetime) -> Asked:
        required = self.required_filters
        parameters.check_names(params, required, {*self.names, *required})
        size = _number(params, "size", 25, MAX_SIZE)
        if "page" in params and "after" in params:
            raise InvalidRequestInputError(_("Both page and after are given. Give one of them."))
        after = _number(params, "after", 0, MAX_ROW, minimum=0)
        first, last = (self._day(params, name) for name in ("from", "to"))
        today = f"{now:%Y-%m-%d}"
        if first and not FIRST_DAY <= first <= min(last or today, today):
            raise InvalidRequestInputError(
                _(
                    "from is %(first)s. Give a date from %(earliest)s on, and not after to or today.",
                    first=parameters.quote(first),
                    earliest=FIRST_DAY,
                )
            )
        return Asked(
            community=self._label(params["community"]) if required else None,
            by=self._by(params.get("by", self.orders[0])),
            size=size,
            offset=after or (_number(params, "page", 1, 10**6) - 1) * size,
            first=first,
            last=min(last or today, today),
        )

    @staticmethod
    def _label(community: object) -> str:
        found = current_stats.access.community(str(parameters.filter_value("community", community)))
        if found is None:
            raise NotFoundError
        return found.id

    def _by(self, value: object) -> str:
        if value in self.orders:
            return str(value)
        raise InvalidRequestInputError(
            _("by is %(value)s. Use one of: %(known)s.", value=parameters.quote(value), known=", ".join(self.orders))
        )

    @staticmethod
    def _day(params: Mapping[str, Any], name: str) -> str | None:
        if params.get(name) is None:
            return None
        day = parameters.read_date(params[name], name).date()
        length = len(str(params[name]))
        if name == "to" and length in (4, 7):  # a year or a month with all its days
            month = 12 if length == 4 else day.month
            day = date(day.year, month, monthrange(day.year, month)[1])
        return day.isoformat()


def _number(params: Mapping[str, Any], name: str, default: int, maximum: int, minimum: int = 1) -> int:
    value = params.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise InvalidRequestInputError(
            _(
                "%(name)s is %(value)s. Give a whole number from %(minimum)s to %(maximum)s.",
                name=name,
                value=parameters.quote(value),
                minimum=minimum,
                maximum=maximum,
            )
        )
    return value


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose sums are integers: PostgreSQL's are decimals."""
    return {name: value if value is None or isinstance(value, str) else int(value) for name, value in row.items()}


def _seconds_left(now: datetime) -> int:
    """Return the seconds until the next hour."""
    return 3600 - now.minute * 60 - now.second
