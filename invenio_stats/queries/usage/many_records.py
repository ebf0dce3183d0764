"""The numbers of many records at once, in the form in which InvenioRDM's records have them."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Any

from invenio_stats.proxies import current_stats
from invenio_stats.queries.usage.coverage import find_first_day
from invenio_stats.queries.usage.sources import ALWAYS, Scope, find_sources
from invenio_stats.queries.usage.sums import Numbers, fetch_keys
from invenio_stats.search.steps import run, together

BATCH_SIZE = 1_000
"""Records in one request to the engine."""

_NAMES = {
    "views": "views",
    "unique_views": "unique_views",
    "downloads": "downloads",
    "unique_downloads": "unique_downloads",
    "data_volume": "volume",
}

Record = str | tuple[str, str]
"""The id of a record, or the ids of an item and its parent."""

RecordStats = dict[str, dict[str, dict[str, int]]]


def fetch_records_stats(client: Any, records: Iterable[Record]) -> RecordStats:
    """Return `{item_id: {"this_version": {...}, "all_versions": {...}}}`, with one request for each 1,000 records.

    Records that STATS_ACCESS does not know are left out; pairs are not looked up. The id of a parent alone has the
    numbers of all versions in both.
    """
    found: RecordStats = {}
    ids, first_day = _with_parents(records), find_first_day(client)
    while batch := dict(islice(ids, BATCH_SIZE)):
        found |= _fetch_batch(client, batch, first_day)
    return found


def _with_parents(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    for record in records:
        if isinstance(record, str):
            ids = current_stats.access.item_of(record)
            if ids is not None:
                yield ids[0] or ids[1], ids[1]
        else:
            yield record[0], record[1]


def _fetch_batch(client: Any, parents: dict[str, str], first_day: date | None) -> RecordStats:
    everything = Scope("repository")
    of_this = find_sources(everything, ALWAYS, "this", first_day=first_day)
    of_all = find_sources(everything, ALWAYS, "all", first_day=first_day)
    this, all_versions = run(
        together([fetch_keys(client, of_this, parents), fetch_keys(client, of_all, set(parents.values()))])
    )
    return {
        item_id: {
            "this_version": _named(all_versions[parent_id] if item_id == parent_id else this[item_id]),
            "all_versions": _named(all_versions[parent_id]),
        }
        for item_id, parent_id in parents.items()
    }


def _named(numbers: Numbers) -> dict[str, int]:
    return {name: numbers[metric] for name, metric in _NAMES.items()}
