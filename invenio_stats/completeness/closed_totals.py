"""Find the closed indices of totals: searches pass over them, so that answers lack their numbers."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from invenio_stats.core.periods import Days, parse_days
from invenio_stats.search.aliases import split_for_urls

_ANY_DAY = Days(date.min, date.max)


class ClosedTotals(NamedTuple):
    """A closed index of totals."""

    alias: str
    """The alias, with the instance's prefix."""
    index: str
    days: Days
    """The days whose totals may be in the index, as its name tells; if it does not, any day."""


def fetch_closed_totals(client: Any, aliases: Iterable[str]) -> tuple[ClosedTotals, ...]:
    """Return the closed indices behind aliases of totals, given with the prefix, in order; one request for fifty."""
    wanted = sorted(set(aliases))
    found = []
    for part in split_for_urls([f"{alias}-*" for alias in wanted]):
        closed = client.indices.get_alias(index=part, expand_wildcards="closed", ignore_unavailable=True)
        for index, facts in closed.items():
            names = set(wanted).intersection(facts["aliases"])
            found += [ClosedTotals(alias, index, _days_of(alias, index)) for alias in names]
    return tuple(sorted(set(found)))


def _days_of(alias: str, index: str) -> Days:
    date_text = re.match(r"[0-9]{4}(?:-[0-9]{2}){0,2}(?![0-9])", index.removeprefix(f"{alias}-"))
    try:
        return parse_days(date_text[0]) if date_text else _ANY_DAY
    except ValueError:
        return _ANY_DAY
