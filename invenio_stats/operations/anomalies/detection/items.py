"""Read the uses of items on a day, and of the days that it is compared with."""

from collections.abc import Collection, Iterable
from datetime import date

from invenio_stats.core.unusual_days import ADDEND, HISTORY, Series, may_be_unusual
from invenio_stats.core.weekdays import same_weekdays
from invenio_stats.operations.anomalies.detection import requests
from invenio_stats.operations.anomalies.detection.requests import SUMS, USES
from invenio_stats.operations.anomalies.detection.sources import Sources
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.scan import pages

MAX_ITEMS = 2_000
"""Items of a day that are looked at: those with the most views, and those with the most downloads."""

_ITEMS_PER_REQUEST = 500
_OLDEST: Body = clauses.oldest({})["aggs"]


def read_people(sources: Sources, day: date) -> Series:
    """Return the uses of all items together, by people; one request."""
    query = requests.from_to(day - HISTORY, day)
    uses = requests.read_days(_ask(sources, requests.counting(query, requests.by_day(SUMS))), USES)
    return Series("agent_class", "people", uses.get(day, 0), uses, min(uses, default=None))


def read_items(sources: Sources, day: date) -> list[Series]:
    """Return the items whose day may be unusual, with the day of their first use.

    One request for the day, one more for every 500 items that had 100 uses or more on it, and one more for every 500 of
    those that may be unusual: there are few.
    """
    uses = {item: number for item, number in _read_day(sources, day).items() if number >= ADDEND}
    found: list[Series] = []
    for items in pages(uses, _ITEMS_PER_REQUEST):
        query = clauses.all_of([_of_items(items), requests.of_days(same_weekdays(day))])
        answer = _ask(sources, requests.counting(query, _by_item(requests.by_day(SUMS), len(items))))
        before = {item["key"]: requests.read_days(item, USES) for item in requests.buckets(answer, "items")}
        series = (Series("item", item, uses[item], before.get(item, {}), None) for item in items)
        found += [line for line in series if may_be_unusual(line, day)]
    first = read_first_uses(sources, [line.value for line in found])
    return [line._replace(first=first.get(line.value)) for line in found]


def read_first_uses(sources: Sources, items: Iterable[str]) -> dict[str, date]:
    """Return the days on which items were first used; one request for every 500 of them."""
    first: dict[str, date] = {}
    for part in pages(items, _ITEMS_PER_REQUEST):
        answer = _ask(sources, requests.counting(_of_items(part), _by_item(_OLDEST, len(part))))
        days = {found["key"]: requests.read_first(found) for found in requests.buckets(answer, "items")}
        first.update({item: known for item, known in days.items() if known is not None})
    return first


def _read_day(sources: Sources, day: date) -> dict[str, int]:
    """Return the uses of the most used items of a day."""
    ranked = {
        name: {"terms": {"field": "item_id", "size": MAX_ITEMS // 2, "order": {name: "desc"}}, "aggs": SUMS}
        for name in USES
    }
    answer = _ask(sources, requests.counting(requests.of_days([day]), {f"most_{name}": ranked[name] for name in USES}))
    return {
        found["key"]: requests.read_sum(found, USES)
        for name in USES
        for found in requests.buckets(answer, f"most_{name}")
    }


def _of_items(items: Collection[str]) -> Body:
    return {"terms": {"item_id": sorted(items)}}


def _by_item(aggregations: Body, size: int) -> Body:
    return {"items": {"terms": {"field": "item_id", "size": size}, "aggs": aggregations}}


def _ask(sources: Sources, body: Body) -> Body:
    answer: Body = search(SearchRequest(sources.client, sources.items, body)).get("aggregations", {})
    return answer
