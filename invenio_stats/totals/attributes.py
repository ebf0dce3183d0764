"""Aggregated: what an aggregation is made of, read from its attributes whenever it is needed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from invenio_search import current_search_client
from invenio_search.engine import dsl

from invenio_stats.core import names
from invenio_stats.core.intervals import FORMATS, Interval, is_longer
from invenio_stats.core.mappings import Field
from invenio_stats.core.metrics import Metric, parse_metrics
from invenio_stats.errors import ClosedIndexError, ConfigurationError
from invenio_stats.search import aliases
from invenio_stats.search.clauses import Body
from invenio_stats.support.import_strings import load
from invenio_stats.totals.copied_fields import copied_fields
from invenio_stats.totals.model import CountedTotal, TotalSpec
from invenio_stats.totals.recount import Recount
from invenio_stats.totals.stored import TotalsStore

_MOST_AT_ONCE = 10_000


class AggregationAttributes:
    """The attributes of an aggregation, with defaults for subclasses that skip `super().__init__`.

    A subclass or its user may set any of them at any time.
    """

    name: str
    event: str
    client: Any = current_search_client
    event_index: str | None = None
    index: str | None = None
    field: str | None = None
    fields: Mapping[str, Field] | None = None
    metric_fields: Mapping[str, Any] | None = None
    copy_fields: Mapping[str, Any] | None = None
    query_modifiers: Iterable[Any] = ()
    interval: Interval = "day"
    index_interval: Interval = "month"
    doc_id_suffix: str | None = None
    index_name_suffix: str | None = None
    max_bucket_size: int = _MOST_AT_ONCE
    count_automated: bool = False

    def _check(self) -> None:
        """Raise ConfigurationError, a ValueError, for what cannot be aggregated."""
        for attribute in ("interval", "index_interval"):
            value = getattr(self, attribute)
            if value not in FORMATS:
                raise ConfigurationError(f"{self.name}: {attribute} is {value!r}. Use one of: {', '.join(FORMATS)}.")
        if is_longer(self.interval, self.index_interval):
            raise ConfigurationError(
                f"{self.name}: interval {self.interval!r} is longer than index_interval {self.index_interval!r}. "
                f"Set index_interval to {self.interval!r} or longer."
            )
        self._metrics()

    def _metrics(self) -> dict[str, Metric]:
        try:
            return parse_metrics(self.metric_fields, place=f"{self.name}: metric_fields")
        except ValueError as error:
            raise ConfigurationError(str(error)) from error

    def _key_field(self) -> str:
        if not self.field:
            raise ConfigurationError(f"{self.name}: field is {self.field!r}. Name the field that a total is made for.")
        return self.field

    def _events_alias(self) -> str:
        return aliases.with_prefix(self.event_index or names.events_alias(self.event))

    def _recount(self) -> Recount | None:
        """Return what counts pairs anew, or None where there is no index of events."""
        self._check()
        alias = self._events_alias()
        indices = aliases.indices_of(self.client, alias)
        if not indices:
            return None
        if self.interval not in ("hour", "day"):  # of a day no event lies in another index than the touched ones
            self.check_open()
        modifiers = [load(f"{self.name}: query_modifiers", modifier) for modifier in self.query_modifiers]
        return Recount(
            client=self.client,
            spec=TotalSpec(self._key_field(), self.interval, self._metrics(), copied_fields(self.copy_fields or {})),
            alias=alias,
            indices=indices,
            counted=counted_events(self.client, alias, modifiers),
            page=max(1, min(self.max_bucket_size, _MOST_AT_ONCE)),
        )

    def check_open(self) -> None:
        """Raise ClosedIndexError where an index of raw events is closed."""
        closed = aliases.closed_indices_of(self.client, self._events_alias())
        if closed:
            raise ClosedIndexError(self.name, closed)

    def _stored(self) -> TotalsStore:
        """Return what reads and writes the totals."""
        return TotalsStore(
            client=self.client,
            alias=aliases.with_prefix(self.index or names.totals_alias(self.event)),
            event=self.event,
            key_field=self._key_field(),
            copies=self.copy_fields or {},
            id_suffix=self.doc_id_suffix or FORMATS[self.interval],
            index_suffix=self.index_name_suffix or FORMATS[self.index_interval],
            fields=self.fields,
        )

    def _count(
        self, recount: Recount, stored: TotalsStore, where: Body, since: datetime | None
    ) -> Iterator[CountedTotal]:
        """Count pairs, each beside its stored total: those with such events, or with `since` None all among them."""
        if since is not None:
            return stored.with_stored(recount.changed(recount.total_keys(where)))
        is_anywhere = stored.is_anywhere()
        counted = recount.everything(where, with_gone=is_anywhere)
        return stored.with_stored(counted) if is_anywhere else counted


Modifier = Callable[[Any], Any]
"""`(search) -> search`: narrows what counts."""


def counted_events(client: Any, alias: str, modifiers: Iterable[Modifier]) -> Body:
    """Return the query for the events that count: never superseded ones, and what the modifiers leave."""
    chosen = dsl.Search(using=client, index=alias).exclude("term", superseded=True)
    for modifier in modifiers:
        chosen = modifier(chosen)
        if chosen is None:
            raise ConfigurationError(f"The query modifier {modifier!r} returned None. Let it return the search.")
    query: Body = chosen.to_dict()["query"]
    return query
