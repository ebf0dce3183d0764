"""Count breakdowns of use from raw events: a scan in windows of visitor keys, so that memory is bounded."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.breakdowns import DIMENSIONS, REPOSITORY, UNKNOWN, Group, Row, Scope, Tally
from invenio_stats.core.item_usage import Event
from invenio_stats.core.moments import iso, parse
from invenio_stats.core.usage_fields import key_of
from invenio_stats.privacy.pseudonyms import stored_referrer
from invenio_stats.search import clauses, scan
from invenio_stats.search.clauses import Body
from invenio_stats.search.field_types import read_field_types
from invenio_stats.totals.usage import ITEM_USAGE, RECORD_USAGE
from invenio_stats.totals.usage_recount import UsageRecount

EVENTS_PER_WINDOW = 75_000
"""Events whose visitors are told apart at the same time."""

_KEYS = 16**4
"""Number of different beginnings of a visitor key, which is a hash in hexadecimal digits."""

ScopesOf = Callable[[Event, str], Iterable[Scope]]
"""Returns the scopes in which an event counts, given its record."""

Counted = Iterator[tuple[Group, Iterable[Row]]]
"""Each group with its rows, in any order; can be read once."""


@dataclass(frozen=True)
class BreakdownCounts:
    """Counts the regular use of records by country and by referrer."""

    recount: UsageRecount
    heartbeat: Callable[[], None]
    """Called every thousand events or so."""
    window: int
    """Events whose visitors are told apart at the same time."""

    def count_day(self, where: Body, events: int, labels: Mapping[str, Sequence[str]]) -> Counted:
        """Count the repository and its communities; `labels` are those of the items of the day."""

        def scopes_of(event: Event, record: str) -> Iterator[Scope]:
            yield REPOSITORY
            for label in labels.get(key_of(event, self._item_fields) or "", ()):
                yield Scope("community", label)

        return self._count(where, events, scopes_of)

    def count_records(self, where: Body, events: int, records: Iterable[str]) -> Counted:
        """Count some records, all versions of each together."""
        wanted = {record: Scope("record", record) for record in records}
        fields = self._record_fields
        of_records = clauses.any_of([{"terms": {field: sorted(wanted)}} for field in fields])

        def scopes_of(event: Event, record: str) -> Iterator[Scope]:
            if record in wanted:  # not if a later field holds its id
                yield wanted[record]

        return self._count(clauses.all_of([where, of_records]), events, scopes_of)

    def labels_of(self, where: Body) -> dict[str, list[str]]:
        """Return the labels of each item as its usage has them: those of its newest event of the day."""
        alias = prefix_index(names.ITEM_USAGE)
        if not self.recount.client.indices.exists(index=alias):
            return {}
        found = scan.hits(self.recount.client, alias, where, ["item_id", "labels"], skips_closed=True)
        return {hit["_source"]["item_id"]: hit["_source"]["labels"] for hit in found if hit["_source"].get("labels")}

    def _count(self, where: Body, events: int, scopes_of: ScopesOf) -> Counted:
        tally = Tally()
        for window in visitor_windows(-(-events // self.window)):
            query = clauses.all_of([self.recount.counted, where, *window])
            for alias, is_request in self.recount.requests_by_alias.items():
                if self.recount.client.indices.exists(index=alias):
                    found = scan.hits(self.recount.client, alias, query, skips_closed=True)
                    self._add(tally, found, is_request, scopes_of)
            tally.end_window()
        return tally.take_rows()

    def _add(self, tally: Tally, hits: Iterable[Mapping[str, Any]], is_request: bool, scopes_of: ScopesOf) -> None:
        for number, hit in enumerate(hits):
            if number % scan.PAGE_SIZE == 0:
                self.heartbeat()
            event = hit["_source"]
            record = key_of(event, self._record_fields)
            if record is None:
                continue
            day = iso(parse(event["timestamp"]))[:10]
            # Events of 7.x have the whole address: its path tells what somebody looked for.
            event["referrer"] = stored_referrer(event.get("referrer"))
            values = [(dimension, _value_of(event, dimension)) for dimension in DIMENSIONS]
            visitor = event.get("visitor_id")
            for scope in scopes_of(event, record):
                for dimension, value in values:
                    tally.add(Group(scope, dimension, day), value, visitor, is_request)

    @cached_property
    def _item_fields(self) -> list[str]:
        return self._mapped(ITEM_USAGE.key_fields)

    @cached_property
    def _record_fields(self) -> list[str]:
        return self._mapped(RECORD_USAGE.key_fields)

    def _mapped(self, fields: Sequence[str]) -> list[str]:
        """Return the fields that usage totals are counted by, too: those that any event may have."""
        types = read_field_types(self.recount.client, self.recount.alias, fields).types
        return [field for field in fields if field in types] or [fields[0]]


def visitor_windows(number: int) -> Iterator[list[Body]]:
    """Yield the clauses of so many queries that share no visitor, and together find all events."""
    edges = [f"{_KEYS * position // number:04x}" for position in range(1, number)]
    for first, end in zip([None, *edges], [*edges, None], strict=True):
        bounds = {"gte": first, "lt": end}
        found: Body = {"range": {"visitor_id": {edge: key for edge, key in bounds.items() if key is not None}}}
        if first is None and end is None:
            yield []
        elif first is None:  # also the events without a visitor
            yield [clauses.any_of([found, clauses.none_of([{"exists": {"field": "visitor_id"}}])])]
        else:
            yield [found]


def _value_of(event: Event, dimension: str) -> str:
    value = event.get(dimension)
    return value if isinstance(value, str) else UNKNOWN
