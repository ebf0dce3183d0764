"""Write a year of usage totals into a search engine, as the aggregations would have, for benchmarks that read them."""

import json
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

from invenio_search.utils import prefix_index

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.completeness.first_day import FirstDay
from invenio_stats.completeness.revision import raise_revision
from invenio_stats.core import names
from invenio_stats.core.breakdowns import DIMENSIONS
from invenio_stats.items.access import Community, ItemIds
from invenio_stats.items.metadata import ItemMetadata

AGGREGATIONS = ("item-usage-agg", "record-usage-agg", "usage-breakdown-agg", "record-view-agg", "file-download-agg")
BULK_LINES = 10_000
FOLDED_RECORDS = 1_000
"""Records that have breakdowns in each month, because they are used often enough."""


class Year(NamedTuple):
    """How much use there is. Each record has one item; some are used every day, most are not."""

    records: int = 20_000
    each_day: int = 3_000
    """Records that are used on a day."""
    communities: int = 100
    months: int = 12
    end: date = date(2026, 11, 1)
    """The first day after the last month."""

    @property
    def first(self) -> date:
        """The first day."""
        months = self.end.year * 12 + self.end.month - 1 - self.months
        return date(months // 12, months % 12 + 1, 1)

    @property
    def days(self) -> list[date]:
        """All days."""
        return [self.first + timedelta(days=number) for number in range((self.end - self.first).days)]


def item_id(record: int) -> str:
    """Return the id of the item of a record."""
    return f"i{record:06}"


def parent_id(record: int) -> str:
    """Return the id of a record."""
    return f"p{record:06}"


def label(community: int) -> str:
    """Return the label of a community."""
    return f"6f9619ff-8b86-d011-b42d-{community:012}"


def labels_of(record: int, year: Year) -> list[str]:
    """Return the communities of a record: every fifth record has two."""
    found = {record % year.communities, *([record // 7 % year.communities] if record % 5 == 0 else [])}
    return [label(number) for number in sorted(found)]


class Records:
    """What the instance knows of the records, at once: `STATS_ACCESS` and `STATS_ITEM_METADATA` cost nothing here."""

    has_holdings = False
    """There is no database."""

    def __init__(self, year: Year):
        """Take the year."""
        self.year = year

    def readable_items(self, identity: Any, ids: Iterable[str]) -> set[str]:
        """Return all: everything is public."""
        return set(ids)

    def shown_items(self, identity: Any, ids: Iterable[str]) -> dict[str, str]:
        """Return the only version of each record."""
        return {asked: f"i{asked[1:]}" for asked in ids}

    def item_of(self, asked: str) -> ItemIds:
        """Return the ids of a record, whose number is the same in both."""
        return ItemIds(f"i{asked[1:]}" if asked[0] == "i" else None, f"p{asked[1:]}")

    def community(self, asked: str) -> Community:
        """Return a community."""
        return Community(asked, asked, f"Community {asked[-3:]}")

    def may_see_community(self, identity: Any, community_id: str) -> bool:
        """Return True."""
        return True

    def communities(self, identity: Any, labels: Iterable[str]) -> dict[str, str]:
        """Return titles."""
        return {known: f"Community {known[-3:]}" for known in labels}

    def describe(self, item_ids: Iterable[str]) -> dict[str, ItemMetadata]:
        """Return titles and addresses."""
        return {item: ItemMetadata(title=f"Title of {item}", url=f"/records/{item}") for item in item_ids}


def usage_of_day(day: date, year: Year) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield alias and total of each record that is used on a day, and of its item."""
    chance = random.Random(day.toordinal())
    used: set[int] = set()
    while len(used) < year.each_day:
        used.add(int(year.records * chance.random() ** 2))
    for record in sorted(used):
        views = 1 + int(chance.paretovariate(1.5)) + 20 * year.records // (year.records // 20 + 40 * record + 1)
        downloads = int(views * chance.random())
        numbers = {
            "timestamp": f"{day}T00:00:00",
            "parent_id": parent_id(record),
            "labels": labels_of(record, year),
            "views": views,
            "unique_views": (views + 1) // 2,
            "downloads": downloads,
            "unique_downloads": (downloads + 1) // 2,
            "volume": 1_000_000 * downloads,
            "requests_by_access_status": {"open": downloads} if downloads else {},
            "requests_by_access_type": {"Open": downloads} if downloads else {},
            "updated_timestamp": f"{day}T23:59:00",
        }
        yield names.RECORD_USAGE, numbers
        both = views + downloads
        counted = [both, (both + 1) // 2, downloads, (downloads + 1) // 2]
        row = dict(zip(_COUNTED, counted, strict=True)) | {"access_type": "Open", "access_method": "Regular"}
        more = {"item_id": item_id(record), **dict(zip(_COUNTED, counted, strict=True)), "rows": [row]}
        yield names.ITEM_USAGE, numbers | more


_COUNTED = (
    "total_item_investigations",
    "unique_item_investigations",
    "total_item_requests",
    "unique_item_requests",
)


def folded_of_month(month: date, year: Year) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield alias and folded breakdown of the repository, each community and the records that are used most."""
    scopes: list[tuple[str, str | None, int]] = [("repository", None, 200)]
    scopes += [("community", label(number), 60) for number in range(year.communities)]
    scopes += [("record", parent_id(record), 20) for record in range(min(FOLDED_RECORDS, year.records))]
    for kind, scope_id, values in scopes:
        for dimension in DIMENSIONS:
            number = 3 * values if kind == "repository" and dimension == "referrer" else values
            yield (
                names.USAGE_BREAKDOWN,
                {
                    "timestamp": f"{month}T00:00:00",
                    "interval": "month",
                    "scope": kind,
                    **({"scope_id": scope_id} if scope_id else {}),
                    "dimension": dimension,
                    "rows": [
                        {"value": f"value-{row:04}", "investigations": 5000 // (row + 1), "requests": 3000 // (row + 1)}
                        for row in range(number)
                    ],
                    "other": {"investigations": 100, "requests": 60},
                },
            )


@contextmanager
def written(app: Any, year: Year, prefix: str, is_kept: bool) -> Iterator[Any]:
    """Give a client of an engine that has the totals of the year, in the context of the app; only kept ones stay."""
    client = app.extensions["invenio-search"].client
    try:
        list(app.extensions["invenio-search"].put_templates())
        start = time.monotonic()
        documents = write_year(client, year)
        print(f"{documents:,} documents, ready after {time.monotonic() - start:.0f} s", flush=True)
        yield client
    finally:
        if not is_kept:
            client.indices.delete(index=f"{prefix}*", ignore=[404])
            client.indices.delete_template(name=f"{prefix}*", ignore=[404])


def write_year(client: Any, year: Year) -> int:
    """Write all totals, unless they are there; return their number once the engine has tidied up."""
    totals = prefix_index(names.ITEM_USAGE)
    expected = len(year.days) * year.each_day
    there = client.count(index=totals, ignore_unavailable=True)["count"]
    if there != expected:
        if there:
            raise SystemExit(f"{totals} has {there} totals, not the {expected} of such a year. Delete its indices.")
        _write(client, year)
    _note_completeness(client, year)
    alias = ",".join(map(prefix_index, (names.ITEM_USAGE, names.RECORD_USAGE, names.USAGE_BREAKDOWN)))
    return int(client.count(index=alias)["count"])


def _write(client: Any, year: Year) -> None:
    lines: list[str] = []
    for day in year.days:
        found = usage_of_day(day, year)
        for alias, total in [*found, *(folded_of_month(day, year) if day.day == 1 else ())]:
            suffix = f"{day:%Y}" if alias == names.USAGE_BREAKDOWN else f"{day:%Y-%m}"
            lines += [f'{{"index":{{"_index":"{prefix_index(alias)}-{suffix}"}}}}', json.dumps(total)]
            if len(lines) >= BULK_LINES:
                _send(client, lines)
    _send(client, lines)
    index = prefix_index("stats-*usage*")
    client.indices.refresh(index=index)
    while client.indices.stats(index=index, metric="merge")["_all"]["total"]["merges"]["current"]:
        time.sleep(0.2)


def _send(client: Any, lines: list[str]) -> None:
    if lines:
        answer = client.bulk(body="\n".join(lines) + "\n", request_timeout=120, filter_path="errors")
        if answer["errors"]:
            raise SystemExit("The search engine refuses totals.")
        lines.clear()


def _note_completeness(client: Any, year: Year) -> None:
    """Have all aggregations counted up to the end, from the first day on."""
    end = datetime.combine(year.end, datetime.min.time(), timezone.utc) + timedelta(hours=1)
    for name in AGGREGATIONS:
        BookmarkAPI(client, name, "day").set_bookmark(end.replace(tzinfo=None).isoformat())
        FirstDay(client, name).set(datetime.combine(year.first, datetime.min.time(), timezone.utc))
    raise_revision(client)
