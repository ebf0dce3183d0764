"""Define the usage totals that are counted from whole events: of items, of records and of searches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from invenio_stats.core import item_usage, mappings
from invenio_stats.core.item_usage import AccessTypeOf, Tally
from invenio_stats.core.mappings import Field
from invenio_stats.core.usage_fields import ITEM_KEYS, RECORD_KEYS, TDM
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body

REQUESTS = frozenset({"file-download"})
"""Event types whose events are COUNTER's requests; those of other types are investigations only."""

_MINING: Body = {"term": {"access_method": TDM}}
_AUTOMATED: list[Body] = [{"term": {"is_robot": True}}, {"term": {"is_machine": True}}]


@dataclass(frozen=True)
class Usage:
    """How the totals of an aggregation are counted if metrics and copied fields do not suffice."""

    key_fields: tuple[str, ...]
    """Fields of an event that may hold the key of its total; the first that it has decides."""
    counted: Body
    """Query for the events that count."""
    tally: Callable[[AccessTypeOf], Tally]
    fields: Mapping[str, Field]
    """Mappings of the totals."""
    numbers: tuple[str, ...]
    """The fields of a total that are counts."""
    count_fields: tuple[str, ...]
    """The fields of a total whose sum is the number of its events."""
    never_counted: tuple[Mapping[str, bool], ...] = mappings.HIDDEN
    """Terms of events that no query modifier can bring back."""
    reports_keyless: bool = False
    """Whether events that would count, but have no key, are reported as events without an item."""


ITEM_USAGE = Usage(
    ITEM_KEYS,
    # Agreed mining counts although its agent is a program.
    clauses.any_of([_MINING, clauses.none_of(_AUTOMATED)]),
    item_usage.ItemTally,
    mappings.ITEM_USAGE_FIELDS,
    (*item_usage.ITEM_NUMBERS, *item_usage.REGULAR_NUMBERS),
    ("total_item_investigations",),
    reports_keyless=True,
)
"""Usage of COUNTER's items. Events of InvenioRDM from before there were items have the same id in `recid`."""

RECORD_USAGE = Usage(
    RECORD_KEYS,
    clauses.none_of([_MINING, *_AUTOMATED]),
    item_usage.RecordTally,
    mappings.RECORD_USAGE_FIELDS,
    item_usage.REGULAR_NUMBERS,
    ("views", "downloads"),
)
"""Regular use of records; an event whose item has no parent belongs to the item."""

SEARCHES = Usage(
    ("search_page",),
    clauses.any_of([_MINING, clauses.none_of(_AUTOMATED)]),
    item_usage.SearchTally,
    mappings.SEARCH_FIELDS,
    ("count",),
    ("count",),
)
"""Searches that people, and agreed mining, executed on the site."""

BREAKDOWNS = Usage(
    ("scope",),
    RECORD_USAGE.counted,
    item_usage.RecordTally,
    mappings.BREAKDOWN_FIELDS,
    (),
    (),
)
"""Regular use of records by country and by referrer; its days are counted by `totals.breakdowns`."""
