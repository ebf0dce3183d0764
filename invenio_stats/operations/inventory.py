"""List the indices of an instance with their sizes, and compare the engine's shards with their limit."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

from invenio_search.utils import prefix_index

from invenio_stats.completeness.configured import known_event_types
from invenio_stats.core import names
from invenio_stats.core.month_indices import find_lease, period
from invenio_stats.proxies import current_stats

Level = Literal["ok", "warning", "error"]

_OWN = {
    names.BOOKMARKS: "bookmarks",
    names.AGENTS: "agents",
    names.INGEST: "ingest",
    names.LOCKS: "locks",
    names.COMPLETENESS: "completeness",
    names.CORRECTIONS: "corrections",
    names.ANOMALIES: "anomalies",
    names.FORMER_ITEMS: "former_items",
}
_COUNTER = {
    names.COUNTER_USAGE: "counter_usage",
    names.COUNTER_MONTHS: "counter_months",
    names.COUNTER_ITEMS: "counter_items",
    names.COUNTER_REQUESTORS: "counter_requestors",
}
"""Beginnings of the names of indices of COUNTER reports; some have one for each month."""
_DATE = re.compile(r"[0-9]{4}[a-z0-9_.-]{0,60}")
"""End of the name of an index of totals: a year, and what may follow it in the name of an index."""
_WARNING_SHARE, _ERROR_SHARE = 0.8, 0.95
"""Shares of the limit of shards from which the level is a warning or an error."""


class Index(NamedTuple):
    """One index of the instance's statistics."""

    name: str
    kind: str
    """`events`, `compacting`, `totals`, `automated`, `usage`, or one of `_OWN` or `_COUNTER`."""
    event_type: str | None
    """For usage totals, the name of the totals without `stats-`; None for the package's own indices."""
    documents: int
    shards: int
    """Number of shards including replicas."""
    bytes: int
    """Size of the primaries and the allocated replicas."""
    aliases: list[str]


class Shards(NamedTuple):
    """Number of shards of the whole engine, not only of this instance, and their limit."""

    used: int
    limit: int
    daily: int
    """Number of shards that our daily indices add each day."""

    @property
    def level(self) -> Level:
        """Whether the operator has to act."""
        share = self.used / max(1, self.limit)
        return "error" if share >= _ERROR_SHARE else "warning" if share >= _WARNING_SHARE else "ok"

    @property
    def days_left(self) -> int | None:
        """Number of days until the limit is reached; None if no index is created daily."""
        return max(0, self.limit - self.used) // self.daily if self.daily else None


def indices(client: Any) -> list[Index]:
    """Return the indices of this instance, by kind and name."""
    pattern = [f"{prefix_index(name)}*" for name in ("events-stats-", "stats-")]
    options = {"index": ",".join(pattern), "format": "json", "bytes": "b", "expand_wildcards": "all"}
    sizes = client.cat.indices(h="index,pri,rep,docs.count,store.size", **options)
    aliases = client.indices.get_alias(index=",".join(pattern))
    listed = [_index(line, sorted(aliases.get(line["index"], {}).get("aliases", ()))) for line in sizes]
    return sorted((index for index in listed if index is not None), key=lambda index: (index.kind, index.name))


class Sum(NamedTuple):
    """Sums over several indices."""

    indices: int
    documents: int
    shards: int
    bytes: int


def sums(listed: Sequence[Index]) -> dict[str, Sum]:
    """Return the sums by kind, and under "all" those of all indices."""
    kinds: dict[str, list[Index]] = {}
    for index in listed:
        for kind in (index.kind, "all"):
            kinds.setdefault(kind, []).append(index)
    return {
        kind: Sum(
            len(members),
            sum(index.documents for index in members),
            sum(index.shards for index in members),
            sum(index.bytes for index in members),
        )
        for kind, members in kinds.items()
    }


def shards(client: Any) -> Shards:
    """Return the numbers of used and allowed shards of the engine."""
    health = client.cluster.health()
    states = ("active_shards", "initializing_shards", "unassigned_shards")
    settings = client.cluster.get_settings(include_defaults=True, flat_settings=True)
    layers = [settings.get(layer, {}) for layer in ("defaults", "persistent", "transient")]
    limits = [layer["cluster.max_shards_per_node"] for layer in layers if "cluster.max_shards_per_node" in layer]
    nodes = health.get("number_of_data_nodes", 1)
    copies = 2 if nodes > 1 else 1
    daily = sum(
        definition.params.get("suffix", names.DAILY_SUFFIX) == names.DAILY_SUFFIX
        for definition in current_stats.event_definitions.values()
    )
    return Shards(sum(health[state] for state in states), int(limits[-1] if limits else 1000) * nodes, daily * copies)


def _index(line: dict[str, Any], aliases: list[str]) -> Index | None:
    kind, event_type = _kind(line["index"], aliases)
    if kind is None:
        return None
    return Index(
        line["index"],
        "compacting" if find_lease(aliases) else kind,
        event_type,
        int(line["docs.count"] or 0),
        int(line["pri"] or 0) * (1 + int(line["rep"] or 0)),
        int(line["store.size"] or 0),
        aliases,
    )


def _kind(name: str, aliases: list[str]) -> tuple[str | None, str | None]:
    """Return the kind and the event type of an index; None for an index of another program."""
    own = _own_kind(name)
    if own is not None:
        return own, None
    for event_type in known_event_types():
        for alias, kind in _aliases(event_type):
            if alias in aliases or period(alias, name):
                return kind, event_type
    for usage in usage_types():
        alias = prefix_index(names.totals_alias(usage))
        if alias in aliases or period(alias, name):
            return "usage", usage
    return None, None


def _own_kind(name: str) -> str | None:
    """Return the kind of an index that is of no event type."""
    own = (kind for alias, kind in _OWN.items() if name == prefix_index(alias))
    of_counter = (kind for alias, kind in _COUNTER.items() if f"{name}-".startswith(f"{prefix_index(alias)}-"))
    return next(chain(own, of_counter), None)


def kind_of_name(name: str) -> tuple[str | None, str | None]:
    """Return the kind and the event type of the indices with a name without prefix; None for another program's."""
    if name in _OWN:
        return _OWN[name], None
    kinds = {alias: (kind, event_type) for event_type in known_event_types() for alias, kind in _aliases(event_type)}
    kinds |= {prefix_index(names.totals_alias(usage)): ("usage", usage) for usage in usage_types()}
    fitting = [alias for alias in kinds if prefix_index(name).startswith(f"{alias}-")]
    # The name of an event type may begin with that of another.
    alias = max(fitting, key=len, default="")
    is_dated = _DATE.fullmatch(prefix_index(name)[len(alias) + 1 :])
    return kinds[alias] if alias and (is_dated or kinds[alias][0] == "events") else (None, None)


def _aliases(event_type: str) -> Iterator[tuple[str, str]]:
    yield prefix_index(names.events_alias(event_type)), "events"
    yield prefix_index(names.totals_alias(event_type)), "totals"
    yield prefix_index(names.automated_alias(event_type)), "automated"


def usage_types() -> dict[str, tuple[str, ...]]:
    """Return the names of totals that are not an event type's, without `stats-`, each with its event types."""
    return {
        definition.totals_alias.removeprefix(names.totals_alias("")): definition.event_types
        for definition in current_stats.aggregations.values()
        if definition.totals_alias is not None
        and definition.totals_alias not in map(names.totals_alias, definition.event_types)
    }
