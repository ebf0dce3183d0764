"""Sources: where an aggregation finds its events, and which of them count."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from invenio_search.engine import search as engine
from invenio_search.utils import prefix_index

from invenio_stats.search import clauses
from invenio_stats.search.client import SearchRequest, search

_IN_A_URL = 50
"""Names of indices in one request."""


def with_prefix(name: str) -> str:
    """Put the instance's prefix before a name, unless it is there: subclasses write names either way."""
    prefix: str = prefix_index("")
    return name if name.startswith(prefix) else prefix + name


def in_urls(names: Sequence[str]) -> list[list[str]]:
    """Return as many names at once as fit into the address of a request."""
    return [list(names[start : start + _IN_A_URL]) for start in range(0, len(names), _IN_A_URL)]


def indices_of(client: Any, alias: str) -> list[str]:
    """Return the indices behind an alias, an index name or a pattern; none where there is no such thing."""
    try:
        return sorted(client.indices.get_alias(index=alias))
    except engine.exceptions.NotFoundError:
        return []


def closed_indices_of(client: Any, alias: str) -> list[str]:
    """Return the closed indices behind an alias, which searches pass over."""
    found = client.cat.indices(
        index=alias, params={"h": "index,status", "format": "json", "expand_wildcards": "all", "request_timeout": 60}
    )
    return sorted(one["index"] for one in found if one["status"] == "close")


def oldest(client: Any, where: str | Sequence[str]) -> datetime | None:
    """Return the moment of the oldest event or total of an alias or of these indices; None where there is none."""
    parts = in_urls([where] if isinstance(where, str) else where)
    found = [
        clauses.read_oldest(search(SearchRequest(client, part, clauses.oldest(clauses.between())))) for part in parts
    ]
    return min((moment for moment in found if moment is not None), default=None)
