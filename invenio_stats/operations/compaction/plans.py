"""Plans: which months can be made one index, and what of an interrupted attempt has to be undone before."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.moments import parse_calendar
from invenio_stats.core.month_indices import find_lease, free_name, is_closed, period
from invenio_stats.proxies import current_stats


@dataclass
class Plan:
    """What is to be done with one month of one event type."""

    event_type: str
    alias: str
    month: str
    """As '2026-01'."""
    days: list[str] = field(default_factory=list)
    """Indices of days."""
    whole: list[str] = field(default_factory=list)
    """Indices that hold the month, or a part of it, already."""
    unfinished: dict[str, str] = field(default_factory=dict)
    """Indices in the making that were left behind, each with its mark."""
    hidden: list[str] = field(default_factory=list)
    """Those of the whole month that patterns do not find yet."""
    taken: set[str] = field(default_factory=set)
    """Names that a new index cannot have."""

    @property
    def name(self) -> str:
        """The name that the month is found by."""
        return f"{self.alias}-{self.month}"

    @property
    def target(self) -> str:
        """The index that is to be made."""
        return free_name(self.name, self.taken)

    @property
    def sources(self) -> list[str]:
        """The indices whose documents it is to hold, the newest last."""
        return [*self.whole, *self.days] if self.days else []

    @property
    def is_due(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.days or self.unfinished or self.hidden)


def plans(client: Any, event_types: Iterable[str], now: datetime, month: str | None = None) -> Iterator[Plan]:
    """Yield what is to be done for each closed month, or for one of them, by event type; the oldest first.

    Event types with another suffix than the daily one are left alone.
    """
    for event_type in event_types:
        params = current_stats.events[event_type].params
        if params.get("suffix", names.DAILY_SUFFIX) != names.DAILY_SUFFIX:
            continue
        alias = prefix_index(names.events_alias(event_type, params.get("prefix", names.EVENTS_PREFIX)))
        for plan in _by_month(client, event_type, alias):
            if plan.is_due and is_closed(parse_calendar(plan.month), now) and month in (None, plan.month):
                yield plan


def _by_month(client: Any, event_type: str, alias: str) -> list[Plan]:
    hidden = client.indices.get_settings(
        index=f"{alias}-*", name="index.hidden", expand_wildcards="all", flat_settings=True
    )
    found: dict[str, Plan] = {}
    for index, about in sorted(client.indices.get_alias(index=f"{alias}-*").items()):
        named = period(alias, index)
        if named is None:
            continue
        plan = found.setdefault(named.month, Plan(event_type, alias, named.month))
        lease = find_lease(about["aliases"])
        if lease:
            plan.unfinished[index] = lease
            continue
        (plan.days if named.day else plan.whole).append(index)
        plan.taken |= {index, *about["aliases"]}
        if not named.day and hidden.get(index, {}).get("settings", {}).get("index.hidden") == "true":
            plan.hidden.append(index)
    return [found[month] for month in sorted(found)]
