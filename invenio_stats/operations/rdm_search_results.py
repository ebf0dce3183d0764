"""Bring the current numbers of records into InvenioRDM's search results, without loading a record.

Only the field `stats` of a document changes, and its version stays that of the record: InvenioRDM's own indexing of a
record that is edited meanwhile always wins.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from invenio_search import current_search_client
from invenio_search.engine import search
from invenio_search.utils import build_alias_name

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.core import names
from invenio_stats.core.moments import iso
from invenio_stats.errors import StatsError
from invenio_stats.proxies import current_stats
from invenio_stats.search.failures import CONFLICT, classify_item, error_type
from invenio_stats.search.scan import pages

PARENTS_PER_SEARCH = 500
DOCUMENTS_PER_BULK = 200
"""A record with many files has a document of some hundred kilobytes."""

Hit = dict[str, Any]


def update_search_results(since: datetime | None = None) -> int:
    """Write the numbers of all versions of the records that changed since a moment; return how many documents changed.

    Without a moment, since the last run; the first run takes all records that were ever used. Records that were edited
    are among them, because InvenioRDM gave them the numbers of its own queries. The bookmark moves when all is written:
    a run that is killed is repeated, and a number that is right already is not written again.
    """
    bookmark = BookmarkAPI(current_search_client, names.SEARCH_RESULTS, "day")
    since = since or bookmark.get_bookmark()
    changed, mark = current_stats.changed_records(since)
    records = _find_alias()
    count = 0
    for parents in pages(_distinct_parents(changed, records, since), PARENTS_PER_SEARCH):
        found = _find(records, {"terms": {"parent.id": parents}})
        count += sum(_write_changed(documents) for documents in pages(found, DOCUMENTS_PER_BULK))
    bookmark.set_bookmark(mark)
    return count


def _find_alias() -> str:
    from invenio_rdm_records.proxies import current_rdm_records_service as service

    alias: str = build_alias_name(service.record_cls.index._name)
    return alias


def _distinct_parents(changed: Iterable[tuple[str, str]], records: str, since: datetime | None) -> Iterator[str]:
    """Yield the parents of records that were used or edited, each once; without a moment, of those that were used."""
    seen: set[str] = set()
    edited = _find(records, {"range": {"updated": {"gte": iso(since)}}}, ["parent.id"]) if since else ()
    for parents in ((parent_id for _item_id, parent_id in changed), (hit["_source"]["parent"]["id"] for hit in edited)):
        for parent_id in parents:
            if parent_id not in seen:
                seen.add(parent_id)
                yield parent_id


def _find(records: str, query: dict[str, Any], fields: list[str] | None = None) -> Iterator[Hit]:
    """Yield the documents of published records with their versions."""
    body = {"query": query, "version": True, "_source": fields or True}
    yield from search.helpers.scan(
        current_search_client,
        query=body,
        index=records,
        size=DOCUMENTS_PER_BULK,
        ignore_unavailable=True,
        allow_partial_search_results=False,
    )


def _write_changed(hits: list[Hit]) -> int:
    """Write the documents whose numbers have changed; return how many.

    One that has a newer version by now is left as it is: it was edited, and is among those of the next run.
    """
    numbers = current_stats.records_stats((hit["_source"]["id"], hit["_source"]["parent"]["id"]) for hit in hits)
    actions = [
        {
            "_op_type": "index",
            **{name: hit[name] for name in ("_index", "_id", "_version")},
            "_version_type": "external_gte",
            "_source": {**hit["_source"], "stats": numbers[hit["_source"]["id"]]},
        }
        for hit in hits
        if hit["_source"].get("stats") != numbers[hit["_source"]["id"]]
    ]
    written, errors = search.helpers.bulk(current_search_client, actions, raise_on_error=False)
    results = [next(iter(error.values())) for error in errors]
    failed = [result for result in results if classify_item(result) is not CONFLICT]
    if failed:
        raise StatsError(
            f"The search engine answered {failed[0].get('status')} for {len(failed)} of {len(actions)} records "
            f"({error_type(failed[0])}); the next run writes them again."
        )
    return int(written)
