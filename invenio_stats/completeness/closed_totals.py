"""Find the closed indices of totals: searches pass over them, so that answers lack their numbers."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from invenio_stats.core.month_indices import covered_days
from invenio_stats.core.periods import Days
from invenio_stats.search.aliases import split_for_urls


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
            found += [ClosedTotals(alias, index, covered_days(alias, index)) for alias in names]
    return tuple(sorted(set(found)))
