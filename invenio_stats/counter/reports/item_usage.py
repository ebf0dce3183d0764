"""Read the usage of items, batch by batch: memory does not grow with the number of items."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

from invenio_stats.core import names
from invenio_stats.core.counter_months import METRICS, Month
from invenio_stats.core.counter_reports import UNKNOWN_COUNTRY
from invenio_stats.counter.months import usage_index
from invenio_stats.counter.reports.folding import Folding, Performance, Shape
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.usage_query import FIELDS, attribute_sources, usage_clauses
from invenio_stats.search.clauses import Body, all_of, by_value, composite, sums_of
from invenio_stats.search.client import COMPLETE, SearchRequest, search
from invenio_stats.search.groups import read_groups
from invenio_stats.search.scan import hits

DOCUMENTS_AT_ONCE = 10_000
"""Documents in one response: the engine's limit unless it is told otherwise."""

BATCH_DOCUMENTS = 6_000
"""Documents that a batch is expected to have, one for each item and month."""

_FIELDS_ONLY = {"filter_path": "timed_out,_shards,hits.hits._index,hits.hits.fields"}

MAX_BATCH_SIZE, MIN_BATCH_SIZE = 2_000, 50
"""Items in one batch."""


def batch_size(months: int) -> int:
    """Return how many items to ask for at once."""
    return max(MIN_BATCH_SIZE, min(MAX_BATCH_SIZE, BATCH_DOCUMENTS // max(1, months)))


class ItemUsageReader:
    """Reads the usage of batches of items."""

    def __init__(
        self,
        client: Any,
        request: ReportRequest,
        customers: Iterable[str] | None,
        months: Sequence[Month],
        shape: Shape,
        item_ids: Sequence[str] | None = None,
    ):
        """Take what the report asks for; `customers` as in `Institution`, and the only items that it has, if any."""
        self._client, self._shape = client, shape
        self._clauses = usage_clauses(request, customers)
        if item_ids is not None:
            self._clauses.append({"terms": {"item_id": list(item_ids)}})
        self._indices = [usage_index(month) for month in months]
        self._positions = {month.month: position for position, month in enumerate(months)}
        self._attributes = [FIELDS[name] for name in shape.attributes]
        self._numbers = [METRICS[metric] for metric in shape.metrics]

    def count(self) -> int:
        """Return the number of documents."""
        if not self._indices:
            return 0
        body = {"size": 0, "track_total_hits": True, "query": all_of(self._clauses)}
        return int(self._search(body)["hits"]["total"]["value"])

    def sum_up(self) -> int:
        """Return the sum of all numbers that the report shows."""
        fields = dict.fromkeys(self._numbers)
        body = {
            "size": 0,
            "track_total_hits": False,
            "query": all_of(self._clauses),
            "aggs": sums_of(fields),
        }
        found = self._search(body)["aggregations"]
        return sum(int(found[field]["value"]) for field in fields)

    def read(self, item_ids: Sequence[str]) -> Mapping[str, list[Performance]]:
        """Return the usage by item, without the items that have none."""
        foldings: dict[str, Folding] = {}
        position_of = cache(lambda index: self._positions[names.counter_usage_month(index)])
        for index, fields in self._documents(all_of([*self._clauses, {"terms": {"item_id": list(item_ids)}}])):
            item_id = fields["item_id"][0]
            folding = foldings.get(item_id)
            if folding is None:
                folding = foldings[item_id] = Folding(self._shape)
            attributes = tuple([fields[name][0] if name in fields else UNKNOWN_COUNTRY for name in self._attributes])
            folding.add(attributes, position_of(index), [fields[name][0] for name in self._numbers])
        usage = {item_id: list(folding.performances()) for item_id, folding in foldings.items()}
        return {item_id: performances for item_id, performances in usage.items() if performances}

    def has_more_rows(self, limit: int) -> bool:
        """Return True if there are more combinations of item, attributes and metric with usage than a number."""
        metrics = [METRICS[metric] for metric in self._shape.metrics]
        if self.count() * len(metrics) <= limit:
            return False
        sources = [by_value("item_id", "item_id"), *attribute_sources(self._shape.attributes)]
        body = composite(all_of(self._clauses), sources, DOCUMENTS_AT_ONCE, sums_of(metrics))
        groups = read_groups(SearchRequest(self._client, self._indices, body, COMPLETE))
        rows = (field for group in groups for field in metrics if group[field]["value"])
        return next(islice(rows, limit, None), None) is not None

    def _documents(self, query: Body) -> Iterator[tuple[str, Mapping[str, list[Any]]]]:
        """Yield index and fields of the documents: from one response if they are few, else page by page.

        The engine names the index itself, which was asked for by an alias. Each field has a list with its one value;
        only the country can be missing.
        """
        # Not from `_source`: items of a batch lie far from each other in an index that is ordered by id, and to
        # uncompress a block of documents for each of them takes the engine more than twice the time.
        body = {
            "query": query,
            "size": DOCUMENTS_AT_ONCE,
            "sort": ["_doc"],
            "track_total_hits": False,
            "_source": False,
            "stored_fields": "_none_",
            "docvalue_fields": ["item_id", *self._attributes, *self._numbers],
        }
        found = self._search(body, **_FIELDS_ONLY).get("hits", {}).get("hits", [])
        if len(found) < DOCUMENTS_AT_ONCE:
            yield from ((hit["_index"], hit["fields"]) for hit in found)
            return
        for hit in hits(self._client, ",".join(self._indices), query, size=DOCUMENTS_AT_ONCE):
            yield hit["_index"], {name: [value] for name, value in hit["_source"].items()}

    def _search(self, body: Body, **options: str) -> Mapping[str, Any]:
        return search(SearchRequest(self._client, self._indices, body, {**COMPLETE, **options}))
