"""Read the usage of items, batch by batch: memory does not grow with the number of items."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from invenio_stats.core.counter_months import METRICS, Month
from invenio_stats.counter.months import usage_index
from invenio_stats.counter.reports.folding import DocumentReader, Folding, Performance, Shape
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.usage_query import COMPLETE, attribute_sources, usage_clauses
from invenio_stats.search.clauses import GROUPS, Body, all_of, by_value, composite, next_page
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.scan import hits

DOCUMENTS_AT_ONCE = 10_000
"""Documents in one response: the engine's limit unless it is told otherwise."""

BATCH_DOCUMENTS = 6_000
"""Documents that a batch is expected to have, one for each item and month."""

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
        self._positions = {usage_index(month): position for position, month in enumerate(months)}
        self._reader = DocumentReader(shape)

    def count(self) -> int:
        """Return the number of documents."""
        if not self._positions:
            return 0
        body = {"size": 0, "track_total_hits": True, "query": all_of(self._clauses)}
        return int(self._search(body)["hits"]["total"]["value"])

    def read(self, item_ids: Sequence[str]) -> Mapping[str, list[Performance]]:
        """Return the usage by item, without the items that have none."""
        foldings: dict[str, Folding] = {}
        for hit in self._hits(all_of([*self._clauses, {"terms": {"item_id": list(item_ids)}}])):
            source = hit["_source"]
            folding = foldings.get(source["item_id"])
            if folding is None:
                folding = foldings[source["item_id"]] = Folding(self._shape)
            attributes, numbers = self._reader.attributes(source), self._reader.numbers(source)
            folding.add(attributes, self._positions[hit["_index"]], numbers)
        usage = {item_id: list(folding.performances()) for item_id, folding in foldings.items()}
        return {item_id: performances for item_id, performances in usage.items() if performances}

    def has_more_rows(self, limit: int) -> bool:
        """Return True if there are more combinations of item, attributes and metric with usage than a number."""
        metrics = [METRICS[metric] for metric in self._shape.metrics]
        if self.count() * len(metrics) <= limit:
            return False
        sources = [by_value("item_id", "item_id"), *attribute_sources(self._shape.attributes)]
        sums = {field: {"sum": {"field": field}} for field in metrics}
        rows = 0
        body: Body | None = composite(all_of(self._clauses), sources, DOCUMENTS_AT_ONCE, sums)
        while body is not None and rows <= limit:
            response = self._search(body)
            groups = response["aggregations"][GROUPS]["buckets"]
            rows += sum(1 for group in groups for field in metrics if group[field]["value"])
            body = next_page(body, response)
        return rows > limit

    def _hits(self, query: Body) -> Iterable[Mapping[str, Any]]:
        """Return the documents: in one response if they are few, else page by page."""
        body = {"query": query, "size": DOCUMENTS_AT_ONCE, "sort": ["_doc"], "track_total_hits": False}
        found: list[Mapping[str, Any]] = self._search(body)["hits"]["hits"]
        return found if len(found) < DOCUMENTS_AT_ONCE else self._all_hits(query)

    def _all_hits(self, query: Body) -> Iterator[Mapping[str, Any]]:
        return hits(self._client, ",".join(self._positions), query, size=DOCUMENTS_AT_ONCE)

    def _search(self, body: Body) -> Mapping[str, Any]:
        return search(SearchRequest(self._client, list(self._positions), body, COMPLETE))
