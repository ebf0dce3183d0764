"""Find the closed indices of totals: searches pass over them, so that answers lack their numbers."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from invenio_stats.core.month_indices import covered_days
from invenio_stats.core.periods import Days
from invenio_stats.search.aliases import closed_indices


class ClosedTotals(NamedTuple):
    """A closed index of totals."""

    alias: str
    """The alias, with the instance's prefix."""
    index: str
    days: Days
    """The days whose totals may be in the index, as its name tells; if it does not, any day."""


def fetch_closed_totals(client: Any, aliases: Iterable[str]) -> tuple[ClosedTotals, ...]:
    """Return the closed indices behind aliases of totals, given with the prefix, in order; one request for fifty."""
    return tuple(
        ClosedTotals(alias, index, covered_days(alias, index))
        for alias, indices in closed_indices(client, aliases).items()
        for index in indices
    )
