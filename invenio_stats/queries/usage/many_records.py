"""The numbers of many records at once, in the form in which InvenioRDM's records have them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

from invenio_stats.core.periods import Days
from invenio_stats.proxies import current_stats
from invenio_stats.queries.usage.coverage import find_first_day
from invenio_stats.queries.usage.sources import ALWAYS, Scope, find_sources
from invenio_stats.queries.usage.sums import Numbers, fetch_first_days, fetch_keys, fetch_keys_by_ranges
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


class Identified(NamedTuple):
    """The ids in totals of a record that was asked for."""

    asked: str
    """The id of the item, or of the parent if that was given alone."""
    parent_id: str
    is_item: bool
    """False for a parent alone. The first of several versions may have the id of the parent, and is an item."""


Record = str | tuple[str, str] | Identified
"""The id of a record, or the ids of an item and its parent."""

RecordStats = dict[str, dict[str, dict[str, int]]]


def fetch_records_stats(client: Any, records: Iterable[Record]) -> RecordStats:
    """Return `{item_id: {"this_version": {...}, "all_versions": {...}}}`, with one request for each 1,000 records.

    Records that STATS_ACCESS does not know are left out; pairs are not looked up. The id of a parent alone has the
    numbers of all versions in both.
    """
    found: RecordStats = {}
    ids, first_day = identify_records(records), find_first_day(client)
    while batch := list(islice(ids, BATCH_SIZE)):
        found |= _fetch_batch(client, batch, first_day)
    return found


class Course(NamedTuple):
    """How the use of all versions of a record went."""

    numbers: list[Numbers]
    """Of each range of days."""
    first_day: date | None
    """The day of the first use; None if there was none."""


def fetch_courses(client: Any, parent_ids: Collection[str], ranges: Sequence[Days]) -> dict[str, Course]:
    """Return the use of each record in ranges of days, which follow each other, with one request.

    At most BATCH_SIZE records, each named by its parent.
    """
    everything, first_day = Scope("repository"), find_first_day(client)
    in_ranges = find_sources(everything, Days(ranges[0].first, ranges[-1].last), first_day=first_day)
    always = find_sources(everything, ALWAYS, first_day=first_day)
    numbers, first_days = run(
        together(
            [
                fetch_keys_by_ranges(client, in_ranges, parent_ids, ranges),
                fetch_first_days(client, always, parent_ids),
            ]
        )
    )
    return {parent_id: Course(numbers[parent_id], first_days.get(parent_id)) for parent_id in parent_ids}


def identify_records(records: Iterable[Record]) -> Iterator[Identified]:
    """Yield the ids of each record; those that STATS_ACCESS does not know are left out."""
    for record in records:
        if isinstance(record, Identified):
            yield record
        elif isinstance(record, str):
            ids = current_stats.access.item_of(record)
            if ids is not None:
                yield Identified(ids[0] or ids[1], ids[1], ids[0] is not None)
        else:
            yield Identified(record[0], record[1], is_item=True)


def _fetch_batch(client: Any, records: Sequence[Identified], first_day: date | None) -> RecordStats:
    everything = Scope("repository")
    of_this = find_sources(everything, ALWAYS, "this", first_day=first_day)
    of_all = find_sources(everything, ALWAYS, "all", first_day=first_day)
    items = {record.asked for record in records if record.is_item}
    parents = {record.parent_id for record in records}
    this, all_versions = run(together([fetch_keys(client, of_this, items), fetch_keys(client, of_all, parents)]))
    return {
        record.asked: {
            "this_version": _named(this[record.asked] if record.is_item else all_versions[record.parent_id]),
            "all_versions": _named(all_versions[record.parent_id]),
        }
        for record in records
    }


def _named(numbers: Numbers) -> dict[str, int]:
    return {name: numbers[metric] for name, metric in _NAMES.items()}
