"""Find items that have the same DOI, so that a report by DOI does not have one dataset twice."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.search import clauses
from invenio_stats.search.client import SearchRequest
from invenio_stats.search.groups import read_groups
from invenio_stats.search.scan import hits, pages

PAGE_SIZE = 10_000
"""DOIs in one response."""

_DOIS_AT_ONCE = 1_000


def find_shared_dois(client: Any, page_size: int = PAGE_SIZE) -> dict[str, list[str]]:
    """Return the ids of all kept items with one DOI, ascending, by the id of each of them; DOIs differ not by case.

    Items that share none are left out, so that memory grows only with those that do.
    """
    index = prefix_index(names.COUNTER_ITEMS)
    by_doi: dict[str, list[str]] = defaultdict(list)
    for dois in pages(_shared(client, index, page_size), _DOIS_AT_ONCE):
        for hit in hits(client, index, {"terms": {"doi": dois}}, ("item_id", "doi")):
            by_doi[hit["_source"]["doi"]].append(hit["_source"]["item_id"])
    groups = [sorted(item_ids) for item_ids in by_doi.values()]
    return {item_id: item_ids for item_ids in groups for item_id in item_ids}


def _shared(client: Any, index: str, page_size: int) -> Iterator[str]:
    sources = [clauses.by_value("doi", "doi")]
    body = clauses.composite({"exists": {"field": "doi"}}, sources, page_size)
    groups = read_groups(SearchRequest(client, index, body))
    return (group["key"]["doi"] for group in groups if group["doc_count"] > 1)
