"""Plan which months can be compacted, and what an interrupted run has left to be undone."""

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
    """The work for one month of one event type."""

    event_type: str
    alias: str
    month: str
    """Formatted as '2026-01'."""
    days: list[str] = field(default_factory=list)
    """Daily indices."""
    whole: list[str] = field(default_factory=list)
    """Monthly indices that already contain the month or a part of it."""
    unfinished: dict[str, str] = field(default_factory=dict)
    """Target indices that an interrupted run has left, each with its lease."""
    hidden: list[str] = field(default_factory=list)
    """Monthly indices that are still hidden from index patterns."""
    taken: set[str] = field(default_factory=set)
    """Names that are in use and cannot be those of a new index."""

    @property
    def name(self) -> str:
        """The name by which the index of the month is found."""
        return f"{self.alias}-{self.month}"

    @property
    def target(self) -> str:
        """The name of the new index."""
        return free_name(self.name, self.taken)

    @property
    def sources(self) -> list[str]:
        """The indices whose documents are copied, the newest last; none if there is no daily index."""
        return [*self.whole, *self.days] if self.days else []

    @property
    def is_due(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.days or self.unfinished or self.hidden)


def plans(client: Any, event_types: Iterable[str], now: datetime, month: str | None = None) -> Iterator[Plan]:
    """Yield the plans of all closed months, or of one month, by event type and with the oldest month first.

    Event types whose indices are not daily are left out.
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
    by_month: dict[str, Plan] = {}
    for index, about in sorted(client.indices.get_alias(index=f"{alias}-*").items()):
        covered = period(alias, index)
        if covered is None:
            continue
        plan = by_month.setdefault(covered.month, Plan(event_type, alias, covered.month))
        lease = find_lease(about["aliases"])
        if lease:
            plan.unfinished[index] = lease
            continue
        (plan.days if covered.day else plan.whole).append(index)
        plan.taken |= {index, *about["aliases"]}
        if not covered.day and hidden.get(index, {}).get("settings", {}).get("index.hidden") == "true":
            plan.hidden.append(index)
    return [by_month[month] for month in sorted(by_month)]
