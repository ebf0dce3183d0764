"""What does not fit together across STATS_EVENTS, STATS_AGGREGATIONS and STATS_QUERIES.

It may be meant so: another program may publish the events, or write the totals. So it is said, and stops nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Literal, NamedTuple

from invenio_stats.core import names
from invenio_stats.core.definitions import AggregationDefinition, EventDefinition, QueryDefinition
from invenio_stats.errors import ConfigurationError
from invenio_stats.search.index_templates import patterns_of

Kind = Literal["shared_totals", "shared_templates", "unknown_event_type", "unknown_index"]


class Inconsistency(NamedTuple):
    """One thing that does not fit."""

    kind: Kind
    setting_path: str
    value: str
    """What is wrong at that place."""
    cure: str

    def __str__(self) -> str:
        """Return all of it in a line."""
        return f"{self.setting_path}: {self.value}. {self.cure}"

    @property
    def facts(self) -> dict[str, str]:
        """The same for the `extra` of a log."""
        return {"setting": self.setting_path, "value": self.value, "cure": self.cure}


def find_inconsistencies(
    events: Mapping[str, EventDefinition],
    aggregations: Mapping[str, AggregationDefinition],
    queries: Mapping[str, QueryDefinition],
) -> Iterator[Inconsistency]:
    """Yield what does not fit together."""
    yield from _unknown_event_types(events, aggregations)
    for first, other in shared_totals(aggregations):
        yield _describe(first, other)
    yield from _shared_templates(events, aggregations)
    yield from _unknown_indices(events, aggregations, queries)


def shared_totals(
    aggregations: Mapping[str, AggregationDefinition],
) -> Iterator[tuple[AggregationDefinition, AggregationDefinition]]:
    """Yield each two aggregations whose totals have the same indices and ids, so that they overwrite each other.

    Of an aggregation with a constructor of its own nobody knows where its totals are.
    """
    for first, other in combinations(aggregations.values(), 2):
        if first.totals_alias is not None and _place(first) == _place(other):
            yield first, other


def refuse_shared_totals(aggregations: Mapping[str, AggregationDefinition]) -> None:
    """Raise ConfigurationError for an aggregation that has to be alone with its totals, and is not."""
    for first, other in shared_totals(aggregations):
        if first.exclusive or other.exclusive:
            raise ConfigurationError(str(_describe(first, other)))


def refuse_shared_templates(
    events: Mapping[str, EventDefinition], aggregations: Mapping[str, AggregationDefinition]
) -> None:
    """Raise ConfigurationError for the event type of an aggregation that has to be alone with its totals."""
    exclusive = {f"STATS_EVENTS[{first.params.get('event')!r}]" for first in aggregations.values() if first.exclusive}
    for found in _shared_templates(events, aggregations):
        if found.setting_path in exclusive:
            raise ConfigurationError(str(found))


def _shared_templates(
    events: Mapping[str, EventDefinition], aggregations: Mapping[str, AggregationDefinition]
) -> Iterator[Inconsistency]:
    """Yield event types whose indices match the templates of another one, which give them its aliases as well."""
    templated = [
        *((event.name, event.templates) for event in events.values() if event.templates),
        *((str(first.params.get("event")), first.templates) for first in aggregations.values() if first.templates),
    ]
    for name in events:
        for other in dict.fromkeys(other for other, package in templated if _may_match(name, other, package)):
            yield Inconsistency(
                "shared_templates",
                f"STATS_EVENTS[{name!r}]",
                f"its events are counted as those of {other!r} too, because the index templates of {other!r} match "
                "its indices",
                f"Choose a name that does not begin with '{other}-'.",
            )


def _may_match(name: str, other: str, package: str) -> bool:
    """Return True if templates of one event type match indices of another; unknown ones match all that begins alike."""
    if not name.startswith(f"{other}-"):
        return False
    patterns = patterns_of(package)
    indices = (f"{names.events_alias(name)}-2026-01-31", f"{names.totals_alias(name)}-2026-01")
    return patterns is None or any(fnmatchcase(index, pattern) for index in indices for pattern in patterns)


def _place(aggregation: AggregationDefinition) -> tuple[str | None, object, object]:
    return aggregation.totals_alias, aggregation.interval, aggregation.params.get("index_interval", "month")


def _describe(first: AggregationDefinition, other: AggregationDefinition) -> Inconsistency:
    fields = first.params.get("field"), other.params.get("field")
    when = "always" if fields[0] == fields[1] else f"where a {fields[0]} equals a {fields[1]}"
    return Inconsistency(
        "shared_totals",
        f"STATS_AGGREGATIONS[{other.name!r}]",
        f"its totals overwrite those of {first.name!r} {when}: both are of event {', '.join(first.event_types)!r} and "
        f"interval {first.interval!r}",
        "Make them one aggregation, give one another interval, or give it a class whose constructor sets an index "
        "of its own.",
    )


def _unknown_event_types(
    events: Mapping[str, EventDefinition], aggregations: Mapping[str, AggregationDefinition]
) -> Iterator[Inconsistency]:
    for name, aggregation in aggregations.items():
        for event in aggregation.event_types:
            if event in events:
                continue
            yield Inconsistency(
                "unknown_event_type",
                f"STATS_AGGREGATIONS[{name!r}]",
                f"its event {event!r} is not in STATS_EVENTS",
                f"Correct it, unless another program stores these events. STATS_EVENTS has: {_list(events)}.",
            )


def _unknown_indices(
    events: Mapping[str, EventDefinition],
    aggregations: Mapping[str, AggregationDefinition],
    queries: Mapping[str, QueryDefinition],
) -> Iterator[Inconsistency]:
    if any(aggregation.totals_alias is None for aggregation in aggregations.values()):
        return  # it may write whatever index it likes
    totals = sorted({str(aggregation.totals_alias) for aggregation in aggregations.values()})
    automated = [names.automated_alias(event) for first in aggregations.values() for event in first.event_types]
    known = [*totals, *automated, *map(names.events_alias, events)]
    for name, query in queries.items():
        index = query.params.get("index")
        parts = index.split(",") if isinstance(index, str) else []
        unknown = [part for part in parts if not any(_is_of(part, alias) for alias in known)]
        if unknown:
            yield Inconsistency(
                "unknown_index",
                f"STATS_QUERIES[{name!r}]",
                f"no aggregation writes its index {', '.join(map(repr, unknown))}",
                f"Correct it, unless another program writes there. Aggregations write: {_list(totals)}.",
            )


def _is_of(index: str, alias: str) -> bool:
    """Return True if an index of a query is an alias, one of the indices behind it, or a pattern for it."""
    return index == alias or index.startswith(f"{alias}-") or fnmatchcase(alias, index)


def _list(known: Iterable[str]) -> str:
    return ", ".join(map(repr, known)) or "nothing"
