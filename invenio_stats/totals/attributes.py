"""Read the attributes of an aggregator, check them, and build the parts of a run from them.

A subclass or its user may set any attribute at any time, so nothing that is built here outlives a run.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from flask import current_app
from invenio_search.engine import dsl

from invenio_stats.core import names
from invenio_stats.core.access_types import DEFAULT_ACCESS_TYPES, access_type_of
from invenio_stats.core.intervals import FORMATS, Interval, is_longer
from invenio_stats.core.mappings import HIDDEN, TOTAL_FIELDS, Field
from invenio_stats.core.metrics import Metric, parse_metrics
from invenio_stats.core.usage_fields import TDM
from invenio_stats.errors import ClosedIndexError, ConfigurationError
from invenio_stats.proxies import current_stats, unwrap
from invenio_stats.search import aliases, clauses
from invenio_stats.search.clauses import Body
from invenio_stats.search.multi_get import Found
from invenio_stats.support.import_strings import load
from invenio_stats.totals.copied_fields import copied_fields
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.model import TotalSpec
from invenio_stats.totals.recount import Recount
from invenio_stats.totals.stored import TotalsStore
from invenio_stats.totals.usage import REQUESTS, Usage
from invenio_stats.totals.usage_recount import UsageRecount
from invenio_stats.totals.writing import Action

logger = logging.getLogger(__name__)

MAX_PAGE_SIZE = 10_000
"""Most totals in one response, even if `max_bucket_size` is larger."""


NEVER_COUNTED: tuple[Mapping[str, Any], ...] = (*HIDDEN, {"access_method": TDM})
"""An event with one of these terms is in no total: what is hidden, and mining, unless a class says otherwise."""


class Aggregator(Protocol):
    """The interface of an aggregator that a run uses: public attributes, and hooks that a subclass may override."""

    name: str
    event: str
    client: Any
    event_index: str | None
    index: str | None
    field: str | None
    fields: Mapping[str, Field] | None
    metric_fields: Mapping[str, Any] | None
    copy_fields: Mapping[str, Any] | None
    query_modifiers: Iterable[Any]
    interval: Interval
    index_interval: Interval
    doc_id_suffix: str | None
    index_name_suffix: str | None
    max_bucket_size: int
    bookmark_api: Any
    overlap: timedelta
    on_interval: Callable[[int, int], None] | None

    def begin_lease(self, now: datetime | None = None, read: Found | None = None) -> RunLease:
        """Return a lease, with which the run shares the intervals with concurrent runs."""

    def agg_iter(self, dt: datetime, previous_bookmark: datetime | None) -> Iterator[Action]:
        """Yield the write operations for the interval that contains `dt`."""

    def _get_oldest_event_timestamp(self) -> datetime | None: ...

    def _upper_limit(self, end_date: datetime | None) -> datetime: ...

    def _split_date_range(self, lower_limit: datetime, upper_limit: datetime) -> Mapping[str, datetime]: ...


_DEFAULT_HOOKS: set[Any] = set()

Hook = TypeVar("Hook", bound=Callable[..., Any])


def hook(method: Hook) -> Hook:
    """Mark a method as the default implementation of a hook, so that `overrides` recognises any other."""
    _DEFAULT_HOOKS.add(method)
    return method


def overrides(aggregator: Aggregator, name: str) -> bool:
    """Return True if a hook of an aggregator is not the default: overridden by its class, or replaced."""
    return getattr(getattr(aggregator, name), "__func__", None) not in _DEFAULT_HOOKS


def rewind_bookmark(aggregator: Aggregator, moment: datetime | None = None) -> None:
    """Move the bookmark back to a moment if it is later; None deletes it. A foreign bookmark may lack the method."""
    rewind = getattr(aggregator.bookmark_api, "rewind", None)
    if rewind is None:
        logger.warning("A bookmark cannot be moved back", extra={"aggregation": aggregator.name})
    else:
        rewind(moment)


def check_attributes(aggregator: Aggregator) -> None:
    """Raise ConfigurationError, a ValueError, if the attributes do not describe a possible aggregation."""
    name = aggregator.name
    for attribute in ("interval", "index_interval"):
        value = getattr(aggregator, attribute)
        if value not in FORMATS:
            raise ConfigurationError(f"{name}: {attribute} is {value!r}. Use one of: {', '.join(FORMATS)}.")
    if is_longer(aggregator.interval, aggregator.index_interval):
        raise ConfigurationError(
            f"{name}: interval {aggregator.interval!r} is longer than index_interval {aggregator.index_interval!r}. "
            f"Set index_interval to {aggregator.interval!r} or longer."
        )
    _metrics_of(aggregator)
    if usage_of(aggregator) is not None and aggregator.metric_fields:
        raise ConfigurationError(f"{name}: usage says what is counted. Leave out metric_fields.")


def parse_event_types(name: str, event: str | None, events: Sequence[str] | None, index: str | None) -> tuple[str, ...]:
    """Return the event types of an aggregation; ConfigurationError if they are not given once, or without an index."""
    if (event is None) == (events is None):
        raise ConfigurationError(f"{name}: event is {event!r} and events is {events!r}. Name one of the two.")
    event_types = (event,) if events is None else tuple(events)
    if isinstance(events, str) or not event_types or not all(isinstance(kind, str) for kind in event_types):
        raise ConfigurationError(f"{name}: events is {events!r}. Make it a list of event types.")
    if events is not None and not index:
        raise ConfigurationError(f"{name}: index is {index!r}. Name the alias of the totals, such as 'stats-usage'.")
    return tuple(map(str, event_types))


def event_types_of(aggregator: Aggregator) -> tuple[str, ...]:
    """Return the event types that an aggregation counts together; of most aggregations it is one."""
    return tuple(getattr(aggregator, "events", None) or (aggregator.event,))


def usage_of(aggregator: Aggregator) -> Usage | None:
    """Return how the totals are counted if metrics and copied fields do not suffice; else None."""
    usage: Usage | None = getattr(aggregator, "usage", None)
    return usage


def numbers_of(aggregator: Aggregator) -> tuple[str, ...]:
    """Return the fields of a total that are counts or metrics."""
    usage = usage_of(aggregator)
    return ("count", *(aggregator.metric_fields or {})) if usage is None else usage.numbers


def events_alias_of(aggregator: Aggregator) -> str:
    """Return the alias of the raw events that an aggregation counts; of several types, separated by commas."""
    return aliases.with_prefix(aggregator.event_index or names.events_alias(aggregator.event))


def check_open(aggregator: Aggregator) -> None:
    """Raise ClosedIndexError if an index of raw events is closed: its events would be missing from the totals."""
    closed = aliases.closed_indices_of(aggregator.client, events_alias_of(aggregator))
    if closed:
        raise ClosedIndexError(aggregator.name, closed)


def recount_of(aggregator: Aggregator) -> Recount | None:
    """Return the recount of an aggregation, or None if there is no index of events."""
    check_attributes(aggregator)
    alias = events_alias_of(aggregator)
    indices = aliases.indices_of(aggregator.client, alias)
    if not indices:
        return None
    if aggregator.interval not in ("hour", "day"):  # the events of an hour or a day are all in one index
        check_open(aggregator)
    modifiers = [load(f"{aggregator.name}: query_modifiers", modifier) for modifier in aggregator.query_modifiers]
    usage = usage_of(aggregator)
    never_counted = getattr(aggregator, "never_counted", NEVER_COUNTED)  # a class of an instance need not know it
    if usage is not None:
        never_counted = usage.never_counted
    counted = counted_events(aggregator.client, alias, modifiers, never_counted)
    recount = Recount(
        client=aggregator.client,
        spec=_spec_of(aggregator),
        alias=alias,
        indices=indices,
        counted=counted if usage is None else clauses.all_of([counted, usage.counted]),
        page=max(1, min(aggregator.max_bucket_size, MAX_PAGE_SIZE)),
    )
    return recount if usage is None else _usage_recount(recount, usage, aggregator)


def _usage_recount(recount: Recount, usage: Usage, aggregator: Aggregator) -> UsageRecount:
    event_types, event_aliases = event_types_of(aggregator), recount.alias.split(",")
    if len(event_types) != len(event_aliases):
        raise ConfigurationError(
            f"{aggregator.name}: event_index is {recount.alias!r}. Name one alias for each of the event types "
            f"{', '.join(event_types)}, separated by commas."
        )
    access_types = current_app.config.get("STATS_COUNTER_ACCESS_TYPES") or {}
    return UsageRecount(
        **vars(recount),
        usage=usage,
        requests_by_alias={alias: event in REQUESTS for event, alias in zip(event_types, event_aliases, strict=True)},
        access_type_of=partial(access_type_of, {**DEFAULT_ACCESS_TYPES, **access_types}),
    )


def store_of(aggregator: Aggregator) -> TotalsStore:
    """Return the store that reads and writes the totals of an aggregation."""
    usage = usage_of(aggregator)
    return TotalsStore(
        client=aggregator.client,
        alias=aliases.with_prefix(aggregator.index or names.totals_alias(aggregator.event)),
        own_name=getattr(aggregator, "totals_name", None) or names.totals_alias(aggregator.event),
        key_field=_key_field_of(aggregator),
        copies=aggregator.copy_fields or {},
        id_suffix=aggregator.doc_id_suffix or FORMATS[aggregator.interval],
        index_suffix=aggregator.index_name_suffix or FORMATS[aggregator.index_interval],
        fields=aggregator.fields if usage is None else {**usage.fields, **(aggregator.fields or {})},
        foreign_fields=_foreign_fields_of(aggregator),
        has_count=usage is None,
    )


def _foreign_fields_of(aggregator: Aggregator) -> frozenset[str]:
    """Return the key fields by which totals of other aggregations in the same place are known as theirs."""
    alias = aliases.with_prefix(aggregator.index or names.totals_alias(aggregator.event))
    copied, metrics = aggregator.copy_fields or {}, aggregator.metric_fields or {}
    return frozenset(
        str(other.params.get("field"))
        for name, other in unwrap(current_stats).aggregations.items()
        if name != aggregator.name
        and other.totals_alias is not None
        and aliases.with_prefix(other.totals_alias) == alias
        and other.interval == aggregator.interval
    ) - {aggregator.field, *copied, *metrics, *(TOTAL_FIELDS.keys() - {"unique_id"})}


Modifier = Callable[[Any], Any]
"""`(search) -> search`: narrows the search to the events that count."""


def counted_events(
    client: Any, alias: str, modifiers: Iterable[Modifier], never_counted: Iterable[Mapping[str, Any]]
) -> Body:
    """Return the query for the events that count: those without the terms that never count, narrowed by modifiers."""
    search = dsl.Search(using=client, index=alias)
    for term in never_counted:
        search = search.exclude("term", **term)
    for modifier in modifiers:
        search = modifier(search)
        if search is None:
            raise ConfigurationError(f"The query modifier {modifier!r} returned None. Let it return the search.")
    query: Body = search.to_dict()["query"]
    return query


def _spec_of(aggregator: Aggregator) -> TotalSpec:
    copied = copied_fields(aggregator.copy_fields or {})
    return TotalSpec(_key_field_of(aggregator), aggregator.interval, _metrics_of(aggregator), copied)


def _metrics_of(aggregator: Aggregator) -> dict[str, Metric]:
    try:
        return parse_metrics(aggregator.metric_fields, setting_path=f"{aggregator.name}: metric_fields")
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _key_field_of(aggregator: Aggregator) -> str:
    if not aggregator.field:
        raise ConfigurationError(
            f"{aggregator.name}: field is {aggregator.field!r}. Name the field that a total is made for."
        )
    return aggregator.field
