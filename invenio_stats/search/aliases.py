"""Resolve aliases to indices, and find the oldest document behind one."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from invenio_search.engine import search as engine
from invenio_search.utils import prefix_index

from invenio_stats.core.month_indices import covered_days
from invenio_stats.core.periods import Days
from invenio_stats.search import clauses
from invenio_stats.search.client import SearchRequest, search

_READ_ONLY = ("index.blocks.read_only", "index.blocks.read_only_allow_delete")

_NAMES_PER_URL = 50
"""Keeps URLs short enough for the engine: `http.max_initial_line_length`, 4 kB by default."""


class ClosedIndex(NamedTuple):
    """A closed index of events or totals."""

    alias: str
    """The alias, with the instance's prefix."""
    index_name: str
    days: Days
    """The days of which it may have something, as its name tells; if it does not, any day."""


def with_prefix(name: str) -> str:
    """Return a name with the instance's index prefix; subclasses set names with or without it."""
    prefix: str = prefix_index("")
    return name if name.startswith(prefix) else prefix + name


def split_for_urls(names: Sequence[str]) -> list[list[str]]:
    """Split names into lists that fit into the URL of a request."""
    return [list(names[start : start + _NAMES_PER_URL]) for start in range(0, len(names), _NAMES_PER_URL)]


def indices_of(client: Any, alias: str) -> list[str]:
    """Return the indices behind an alias, an index name or a pattern; empty if it does not exist.

    Several names, separated by commas, stand for the indices of those that exist.
    """
    names = alias.split(",")
    if len(names) > 1:
        return sorted({index for name in names for index in indices_of(client, name)})
    try:
        return sorted(client.indices.get_alias(index=alias))
    except engine.exceptions.NotFoundError:
        return []


def closed_indices_of(client: Any, alias: str, days: Days | None = None) -> list[str]:
    """Return the closed indices behind an alias, which searches skip; several names are separated by commas.

    With `days`, those that may have documents of these.
    """
    closed: set[str] = set()
    for name in alias.split(","):
        if indices_of(client, name):
            columns = {"h": "index,status", "format": "json", "expand_wildcards": "all", "request_timeout": 60}
            found = client.cat.indices(index=name, params=columns)
            indices = [index["index"] for index in found if index["status"] == "close"]
            closed |= {index for index in indices if days is None or covered_days(name, index).within(*days)}
    return sorted(closed)


def fetch_closed(client: Any, aliases: Iterable[str]) -> tuple[ClosedIndex, ...]:
    """Return the closed indices that are named after their alias, in order, in one request for fifty aliases.

    Searches pass over them, so that answers lack their numbers.
    """
    wanted = sorted(set(aliases))
    found = []
    for part in split_for_urls([f"{alias}-*" for alias in wanted]):
        closed = client.indices.get_alias(index=part, expand_wildcards="closed", ignore_unavailable=True)
        for index, facts in closed.items():
            names = set(wanted).intersection(facts["aliases"])
            found += [ClosedIndex(alias, index, covered_days(alias, index)) for alias in names]
    return tuple(sorted(set(found)))


def read_only_indices_of(client: Any, alias: str) -> list[str]:
    """Return the indices behind an alias that cannot be deleted or prepared for it: by an operator, or a full disk."""
    found = client.indices.get_settings(
        index=alias, name="index.blocks.read_only*", flat_settings=True, ignore_unavailable=True, allow_no_indices=True
    )
    return sorted(
        index
        for index, about in found.items()
        if any(str(about["settings"].get(block)).lower() == "true" for block in _READ_ONLY)
    )


def oldest(client: Any, alias_or_indices: str | Sequence[str], since: datetime | None = None) -> datetime | None:
    """Return the timestamp of the oldest event or total in an alias or in indices; None if there is none.

    With `since`, of those from that moment on.
    """
    parts = split_for_urls([alias_or_indices] if isinstance(alias_or_indices, str) else alias_or_indices)
    body = clauses.oldest(clauses.between(since))
    moments = [clauses.read_oldest(search(SearchRequest(client, part, body))) for part in parts]
    return min((moment for moment in moments if moment is not None), default=None)
