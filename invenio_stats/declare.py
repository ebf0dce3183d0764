"""Declare a new event type with its aggregation and queries in one call.

    search_made = event_type(
        "search-made",
        signal="my_module.signals.search_made",
        builders=[search_event_builder],
        unique_id="{query}",
        keep=["query"],
        metrics={"hits": sum_of("hits")},
    )

Its `events`, `aggregations` and `queries` go into STATS_EVENTS, STATS_AGGREGATIONS and STATS_QUERIES.
"""

import hashlib
import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from invenio_stats.aggregations import StatAggregator
from invenio_stats.core import names
from invenio_stats.core.events import Builder, Event
from invenio_stats.core.intervals import Interval, check_index_interval, check_interval, is_longer
from invenio_stats.core.mappings import EVENT_FIELDS, NUMBER, TOTAL_FIELDS, Field
from invenio_stats.core.visitors import PERSONAL_FIELDS
from invenio_stats.errors import ConfigurationError
from invenio_stats.processors import EventsIndexer, anonymize_user, flag_machines, flag_robots
from invenio_stats.queries import DateHistogramQuery, TermsQuery
from invenio_stats.queries.search_bodies import RESERVED
from invenio_stats.utils import stamp

__all__ = ("DeclaredType", "Measure", "event_type", "stamp", "sum_of", "unique")

TEXT: Field = {"type": "keyword", "ignore_above": 8191}
"""Mapping of a kept field; a longer value is stored but cannot be searched."""
GROUPED_TEXT: Field = {**TEXT, "index": False}
"""Mapping of a field whose distinct values are counted, and nothing else."""

_NEVER_KEPT = frozenset(
    {"timestamp", "count", "unique_count", "updated_timestamp"}
    | {"visitor_id", "unique_session_id", "previous_visitor_id"}  # of one visitor, while a total is about many
)
_OF_BUCKETS = frozenset({"key", "key_as_string", "doc_count", "date"})
"""Keys of every bucket, in the search engine's answer or in ours."""
_OF_ANSWERS = _OF_BUCKETS | {"type", "field", "key_type", "buckets", "start_date", "end_date"}
_DATES = frozenset({"start_date", "end_date"})
"""Parameters of every query: a kept field of that name cannot be one as well."""
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FIELD = re.compile(r"[^_.\s\[\]>][^.\[\]>]*(\.[^.\[\]>]+)*")
"""Names that the search engine accepts for a field and for an aggregation of it."""
_MAX_ID_CHARACTERS = 256


@dataclass(frozen=True)
class Measure:
    """A metric that a total has in addition to its count, computed over a field of the events."""

    metric: str
    source: str
    field: Field
    """Mapping of the field in the events."""


def sum_of(source: str) -> Measure:
    """Declare a metric: the sum of a numeric field of the events."""
    return Measure("sum", source, NUMBER)


def unique(source: str) -> Measure:
    """Declare a metric: the exact number of distinct values of a field of the events."""
    return Measure("cardinality", source, TEXT if source in EVENT_FIELDS else GROUPED_TEXT)


@dataclass(frozen=True)
class DeclaredType:
    """The entries of an event type for the three dicts, keyed by name and ready for `**`."""

    events: Mapping[str, dict[str, Any]]
    aggregations: Mapping[str, dict[str, Any]]
    queries: Mapping[str, dict[str, Any]]


def event_type(
    name: str,
    *,
    builders: Iterable[Builder | str],
    unique_id: str,
    signal: Any = None,
    keep: Iterable[str] = (),
    metrics: Mapping[str, Measure] | None = None,
    usage: bool = False,
    interval: Interval = "day",
    index_interval: Interval = "month",
) -> DeclaredType:
    """Declare an event type; the mappings of its indices are derived from the arguments.

    :param name: lower-case letters, digits and hyphens: 'search-made'. The queue is `stats-<name>`.
    :param builders: functions that build an event, called in order; see `invenio_stats.core.events.Builder`.
    :param unique_id: template of the id of the counted item, with fields of the event in braces: '{query}'.
    :param signal: the signal, or its import string, that starts the builders; None if the emitter is called directly.
    :param keep: fields copied from the newest event of an interval into its total.
    :param metrics: `{name in the total: sum_of("field") or unique("field")}`. `count` and `unique_count`
        (number of sessions) are always included.
    :param usage: whether an event is usage of an item, which counts if the response delivers the content.

    Returns the event type `<name>`, the aggregation `<name>-agg`, and the queries `<name>-total` (all items, by
    the kept fields; each of them is an optional parameter) and `<name>-histogram` (one item over time; requires
    `unique_id`).
    A ConfigurationError names an invalid argument.
    """
    measures = dict(metrics or {})
    keep, builders = _listed(name, keep=keep), _listed(name, builders=builders)
    _check(name, unique_id, keep, measures)
    _check_fields(name, unique_id, keep, measures)
    _check_intervals(name, interval, index_interval)
    if not builders:
        raise ConfigurationError(f"event_type({name!r}): builders is empty; name a function that describes an event.")
    fields = _event_fields(keep, list(measures.values()))
    return DeclaredType(
        events={
            name: {
                "cls": EventsIndexer,
                "signal": signal,
                "event_builders": builders,
                "usage": usage,
                "params": {
                    "preprocessors": [flag_robots, flag_machines, anonymize_user, unique_id_builder(unique_id)],
                    "fields": fields,
                },
            }
        },
        aggregations={
            f"{name}-agg": {
                "cls": StatAggregator,
                "exclusive": True,
                "params": {
                    "event": name,
                    "field": "unique_id",
                    "interval": interval,
                    "index_interval": index_interval,
                    "count_automated": True,
                    "copy_fields": {field: field for field in keep},
                    "metric_fields": {
                        "unique_count": ("cardinality", "unique_session_id", {}),
                        **{dest: (measure.metric, measure.source, {}) for dest, measure in measures.items()},
                    },
                    "fields": {**dict.fromkeys(keep, TEXT), **dict.fromkeys(measures, NUMBER)},
                },
            }
        },
        queries=_queries(name, keep, measures),
    )


def unique_id_builder(template: str) -> Callable[[Event], Event]:
    """Return the preprocessor that sets `unique_id` from a template such as '{query}'."""
    return partial(_build_unique_id, template=template)


def _build_unique_id(event: Event, template: str) -> Event:
    """Set the id; one that is too long for a key is replaced by its hash."""
    unique_id = template.format_map(event)
    if len(unique_id) > _MAX_ID_CHARACTERS:
        unique_id = hashlib.sha256(unique_id.encode()).hexdigest()
    event["unique_id"] = unique_id
    return event


def _check(name: str, unique_id: str, keep: list[str], measures: Mapping[str, Measure]) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"event_type({name!r}): use lower-case letters, digits and single hyphens, as in 'search-made'."
        )
    if not _fields_of(unique_id):
        raise ConfigurationError(
            f"event_type({name!r}): unique_id {unique_id!r} names no field; write it as '{{field}}'."
        )
    for taken, owner in (({*TOTAL_FIELDS, *keep}, "a total"), (_OF_ANSWERS | RESERVED, "an answer")):
        if refused := sorted({*measures} & taken):
            raise ConfigurationError(
                f"event_type({name!r}): metrics has {refused}, which {owner} has already; rename them."
            )
    for dest, measure in measures.items():
        if not isinstance(measure, Measure):
            raise ConfigurationError(
                f"event_type({name!r}): metrics[{dest!r}] is {measure!r}; use sum_of('field') or unique('field')."
            )


def _check_fields(name: str, unique_id: str, keep: list[str], measures: Mapping[str, Measure]) -> None:
    """Refuse fields that a stored event does not have, or that a total cannot keep."""
    sources = [measure.source for measure in measures.values()]
    for argument, fields in (("keep", keep), ("metrics", [*measures, *sources])):
        if wrong := [field for field in fields if not isinstance(field, str) or not _FIELD.fullmatch(field)]:
            raise ConfigurationError(
                f"event_type({name!r}): {argument} has {wrong}, which the search engine does not accept as names of "
                "fields; rename them."
            )
    for argument, fields in (("keep", keep), ("unique_id", _fields_of(unique_id)), ("metrics", sources)):
        personal = sorted({*fields} & {*PERSONAL_FIELDS})
        if personal:
            raise ConfigurationError(
                f"event_type({name!r}): {argument} has {personal}, which no stored event has, since it tells who the "
                "visitor is; leave it out."
            )
    refused = sorted({*keep} & (_NEVER_KEPT | _OF_BUCKETS))
    if refused:
        raise ConfigurationError(
            f"event_type({name!r}): keep has {refused}, which a total or an answer has with another meaning or must "
            "not have; leave it out."
        )


def _check_intervals(name: str, interval: str, index_interval: str) -> None:
    for argument, value, check in (
        ("interval", interval, check_interval),
        ("index_interval", index_interval, check_index_interval),
    ):
        try:
            check(value)
        except ValueError as error:
            raise ConfigurationError(f"event_type({name!r}): {argument}: {error}") from error
    if is_longer(check_interval(interval), check_interval(index_interval)):
        raise ConfigurationError(
            f"event_type({name!r}): interval {interval!r} is longer than index_interval {index_interval!r}. "
            f"Set index_interval to {interval!r} or longer."
        )


def _listed(name: str, **given: Any) -> list[Any]:
    """Return the only keyword argument as a list; ConfigurationError for a string, which is no list of strings."""
    ((argument, value),) = given.items()
    if isinstance(value, str):
        raise ConfigurationError(f"event_type({name!r}): {argument} is {value!r}; write it as [{value!r}].")
    return list(value)


def _fields_of(template: str) -> list[str]:
    """Return the fields that a template names; none at all if one of its braces has no name."""
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
    except ValueError:  # an unmatched brace
        return []
    return [] if any(not field or field.isdigit() for field in fields) else fields


def _event_fields(keep: list[str], measures: list[Measure]) -> dict[str, Field]:
    """Return the mappings of an event's own fields; of a field that is summed and counted, that of numbers."""
    numbers = {measure.source: measure.field for measure in measures if measure.field is NUMBER}
    counted = {measure.source: measure.field for measure in measures if measure.field is not NUMBER}
    # Further aggregations may count by what is kept, so that it can be searched in events, too.
    return {**counted, **dict.fromkeys(keep, TEXT), **numbers}


def _queries(name: str, keep: list[str], measures: Mapping[str, Measure]) -> dict[str, dict[str, Any]]:
    index = names.totals_alias(name)
    numbers: dict[str, tuple[str, str, dict[str, Any]]] = {
        dest: ("sum", dest, {}) for dest in ("count", "unique_count", *measures)
    }
    copies = {field: field for field in keep}
    groups = keep or ["unique_id"]
    return {
        f"{name}-total": {
            "cls": TermsQuery,
            "params": {
                "index": index,
                "optional_filters": {field: field for field in groups if field not in _DATES},
                "aggregated_fields": groups,
                "metric_fields": numbers,
            },
        },
        f"{name}-histogram": {
            "cls": DateHistogramQuery,
            "params": {
                "index": index,
                "required_filters": {"unique_id": "unique_id"},
                "copy_fields": copies,
                "metric_fields": numbers,
            },
        },
    }
