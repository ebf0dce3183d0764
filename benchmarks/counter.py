"""How fast months are closed, and COUNTER reports made: `python benchmarks/counter.py SEARCH_URL [--rows NAME...]`.

Writes a month of use of many items, each used on ten days, with raw events and day totals, and closes the month.
Writes twelve closed months of the same items, and makes reports of them: IR in all formats, and PR and, by the API,
PR_P1, of which the search engine remembers nothing.
Prints the medians of the rounds beside what should be reached, with the most memory of the process, the instance
included. Each row is measured in a process of its own. Indices have a prefix of their own, and go at the end.

`--scale 0.01` is a trial with a hundredth of the items.
"""

import argparse
import multiprocessing
import os
import random
import resource
import statistics
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from flask import current_app
from flask_babel import Babel
from invenio_search.engine import search
from invenio_search.utils import prefix_index
from item_usage import Row
from small_app import make_app

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.core import names
from invenio_stats.core.counter_months import CLOSED, METRICS, Month, edges_of, months_between, next_month
from invenio_stats.counter.api import create_blueprint
from invenio_stats.counter.closing import usage_indices
from invenio_stats.counter.closing.closing import Closing
from invenio_stats.counter.items import ItemKeeper
from invenio_stats.counter.months import month_ref
from invenio_stats.counter.reports.json import write_json
from invenio_stats.counter.reports.report import build_report
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.tsv import write_tsv
from invenio_stats.counter.reports.xlsx import write_xlsx
from invenio_stats.counter.service.requestors import add_requestor
from invenio_stats.items.metadata import Author, Container, ItemMetadata
from invenio_stats.operations.monitoring import last_runs
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.search.indices import create_index
from invenio_stats.totals.total_indices import ensure_totals_index

ITEMS = 100_000
DAYS_USED = 10
"""Days of the month on which each item is used."""
MONTHS = 12
EVENT = "record-view"
REQUESTS = 200
"""Requests of which the API's 95th percentile is taken."""
BULK_LINES = 5_000

Measured = dict[str, float]


_MEMORY = "the most memory of the process"
ROWS = (
    Row("close", "a month: 100,000 items, 1,000,000 day totals", "close", "s", 120),
    Row("close", _MEMORY, "close_mib", "MiB", 300),
    Row("json", "IR of 12 months, 1,200,000 documents, as JSON", "json", "s", 90),
    Row("json", _MEMORY, "json_mib", "MiB", 300),
    Row("tsv", "the same as TSV", "tsv", "s", 90),
    Row("tsv", _MEMORY, "tsv_mib", "MiB", 300),
    Row("xlsx", "the same as XLSX, 400,000 rows", "xlsx", "s", 240),
    Row("xlsx", _MEMORY, "xlsx_mib", "MiB", 300),
    Row("pr", "PR of 12 months", "pr", "s", 5),
    Row("api", "PR_P1 of one month by the API, p95", "api", "ms", 300),
)
NAMES = tuple(dict.fromkeys(row.name for row in ROWS))
WRITERS = {"json": write_json, "tsv": write_tsv, "xlsx": write_xlsx}


def describe(item_ids: Iterable[str]) -> dict[str, ItemMetadata]:
    """Describe items: every tenth is an article of one of a few journals, the others are datasets."""
    return {item_id: _describe(int(item_id)) for item_id in item_ids}


def _describe(number: int) -> ItemMetadata:
    journal = number // 10 % 40
    container = Container(f"Journal of examples, part {journal}", "Journal", issn=None, doi=f"10.1234/j{journal}")
    return ItemMetadata(
        title=f"Measurements of the tides at station {number}, with notes",
        publisher="Example Repository",
        authors=(Author("Doe, Jane"), Author("Roe, Richard")),
        doi=f"10.1234/{number:06}",
        publication_date="2021-05-04",
        data_type="Dataset" if number % 10 else "Article",
        yop="2021",
        container=None if number % 10 else container,
    )


class Scene:
    """Where what is measured is stored."""

    def __init__(self, url: str, prefix: str, items: int):
        """Take the address of the search engine, the prefix of all indices, and the number of items."""
        self.url, self.prefix, self.items = url, prefix, items
        self.last = next_month(f"{datetime.now(timezone.utc):%Y-%m}", -1)
        """The month that is closed; reports are of the months before."""
        self.first = next_month(self.last, -MONTHS)

    @contextmanager
    def app(self) -> Iterator[Any]:
        """Give the client of an instance, in its context."""
        app = make_app(
            SEARCH_HOSTS=[self.url],
            SEARCH_INDEX_PREFIX=self.prefix,
            SEARCH_CLIENT_CONFIG={"timeout": 120},
            SECRET_KEY="bench",  # noqa: S106
            STATS_AGGREGATIONS={"item-usage-agg": USAGE_AGGREGATIONS["item-usage-agg"]},
            STATS_ITEM_METADATA=describe,
            STATS_COUNTER_PLATFORM="Example Repository",
            STATS_COUNTER_PLATFORM_ID="example",
            STATS_COUNTER_FIRST_MONTH=self.first,
            STATS_COUNTER_RATE_LIMIT="100000 per minute",
            STATS_COUNTER_INSECURE=True,
        )
        Babel(app)
        with app.app_context():
            yield app.extensions["invenio-search"].client

    def write_month(self, client: Any) -> None:
        """Write the raw events and day totals of the month to be closed: on a day, one event for an item."""
        list(current_app.extensions["invenio-search"].put_templates())
        edges = edges_of(self.last)
        days = [edges.start + timedelta(days=number) for number in range((edges.end - edges.start).days)]
        for day in days:
            ensure_events_index(client, prefix_index(names.events_alias(EVENT)), day)
        ensure_totals_index(client, self._totals_index(), prefix_index(names.ITEM_USAGE))
        self._bulk(client, (line for number in range(self.items) for line in self._uses(number, days)))

    def _totals_index(self) -> str:
        return prefix_index(f"{names.ITEM_USAGE}-{self.last}")

    def _uses(self, number: int, days: list[datetime]) -> Iterator[dict[str, Any]]:
        item, chance = f"{number:06}", random.Random(number)
        stored = "2026-01-01T00:00:00+00:00"  # long ago, so that no run counts it again
        for day in chance.sample(days, DAYS_USED):
            country = chance.choice(["DE", "CH", "FR", "AT"])
            fields = {"item_id": item, "parent_id": item, "access_status": "open"}
            yield {
                "_index": prefix_index(f"{names.events_alias(EVENT)}-{day:%Y-%m-%d}"),
                "timestamp": f"{day:%Y-%m-%d}T10:00:00",
                **fields,
                "access_type": "Open",
                "country": country,
                "unique_session_id": f"{number}",
                "is_robot": False,
                "is_machine": False,
                "updated_timestamp": stored,
            }
            counts = {**dict.fromkeys(METRICS.values(), 0), "total_item_investigations": 1}
            counts["unique_item_investigations"] = 1
            yield {
                "_index": self._totals_index(),
                "timestamp": f"{day:%Y-%m-%d}T00:00:00",
                **fields,
                **counts,
                "labels": [],
                "views": 1,
                "downloads": 0,
                "rows": [{"access_type": "Open", "country": country, **counts}],
                "updated_timestamp": stored,
            }

    def write_closed_months(self, client: Any) -> None:
        """Write twelve closed months, in each of which each item was used, and what is known of the items."""
        keeper = ItemKeeper(client, describe, datetime.now(timezone.utc))
        keeper.prepare()
        for start in range(0, self.items, 500):
            keeper.keep([f"{number:06}" for number in range(start, min(start + 500, self.items))])
        keeper.finish()
        client.indices.create(index=prefix_index(names.COUNTER_MONTHS), ignore=400)
        for month in months_between(self.first, next_month(self.last, -1)):
            index = prefix_index(names.counter_usage_index(month, 1))
            create_index(client, index, usage_indices.BODY)
            self._bulk(client, (self._usage(index, number) for number in range(self.items)))
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            document = Month(month, CLOSED, 1, now, now, dict.fromkeys(METRICS, 4 * self.items), self.items)
            ref = month_ref(month)
            client.index(index=ref["_index"], id=ref["_id"], body=document._asdict(), refresh=True)

    def _usage(self, index: str, number: int) -> dict[str, Any]:
        kind = "Dataset" if number % 10 else "Article"
        fields = {"item_id": f"{number:06}", "data_type": kind, "yop": "2021", "access_type": "Open"}
        return {"_index": index, **fields, "access_method": "Regular", **dict.fromkeys(METRICS.values(), 4)}

    def _bulk(self, client: Any, lines: Iterable[dict[str, Any]]) -> None:
        search.helpers.bulk(client, lines, chunk_size=BULK_LINES)
        client.indices.refresh(index=f"{self.prefix}*")

    def note_runs(self, client: Any) -> None:
        """Note, as the runs of a worker would, that everything up to now is counted."""
        now = datetime.now(timezone.utc)
        for event_type in ("record-view", "file-download"):
            last_runs.remember_emptied(event_type, now)
        last_runs.note("aggregations", "item-usage-agg", lambda: [])
        BookmarkAPI(client, "item-usage-agg", "day").set_bookmark(now.isoformat())


def close(scene: Scene) -> Measured:
    """Close the month."""
    with scene.app() as client:
        scene.note_runs(client)
        began = time.perf_counter()
        (outcome,) = Closing(client, lambda: datetime.now(timezone.utc)).close([scene.last])
        seconds = time.perf_counter() - began
        if not outcome.is_closed:
            raise SystemExit(f"{outcome.month} was not closed: {outcome.obstacles}")
        client.delete(index=prefix_index(names.COUNTER_MONTHS), id=scene.last, refresh=True)  # for the next round
        client.indices.delete(index=prefix_index(f"{names.counter_usage_index(scene.last, 1)}-*"))
    return {"close": seconds, "close_mib": peak()}


def make_report(name: str, scene: Scene) -> Measured:
    """Make the IR in a format."""
    with scene.app() as client, open(os.devnull, "wb") as stream:
        began = time.perf_counter()
        WRITERS[name](build_report(client, request(scene, "IR"), datetime.now(timezone.utc)), stream)
        seconds = time.perf_counter() - began
    return {name: seconds, f"{name}_mib": peak()}


def platform(scene: Scene) -> Measured:
    """Make the PR."""
    with scene.app() as client, open(os.devnull, "wb") as stream:
        forget(client)
        began = time.perf_counter()
        write_json(build_report(client, request(scene, "PR"), datetime.now(timezone.utc)), stream)
        return {"pr": time.perf_counter() - began}


def api(scene: Scene) -> Measured:
    """Ask the API for PR_P1 of one month, again and again."""
    with scene.app() as client:
        now = datetime.now(timezone.utc)
        new = add_requestor(client, f"bench {uuid.uuid4()}", ["all"], now, has_key=False, has_countries=False)
        app = current_app._get_current_object()
        app.register_blueprint(create_blueprint(app))
        web = app.test_client()
        month = next_month(scene.last, -1)
        query = {
            "customer_id": "0000000000000000",
            "requestor_id": new.requestor_id,
            "begin_date": month,
            "end_date": month,
        }
        seconds = []
        for _ in range(REQUESTS):
            forget(client)
            began = time.perf_counter()
            answer = web.get("/counter/r51/reports/pr_p1", query_string=query)
            seconds.append(time.perf_counter() - began)
            if answer.status_code != 200 or not answer.json["Report_Items"]:
                raise SystemExit(f"The API answered {answer.status_code}: {answer.text[:500]}")
    return {"api": 1000 * sorted(seconds)[int(0.95 * REQUESTS)]}


def forget(client: Any) -> None:
    """Empty the engine's caches of requests and filters: it would remember the sums of a closed month."""
    client.indices.clear_cache(index=prefix_index("stats-*"), request=True, query=True)


def request(scene: Scene, report_id: str) -> ReportRequest:
    """Return the request of a report of all twelve months."""
    return ReportRequest(report_id, scene.first, next_month(scene.last, -1))


def peak() -> float:
    """Return the most memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


MEASURES: Mapping[str, Callable[[Scene], Measured]] = {
    "close": close,
    **{name: partial(make_report, name) for name in WRITERS},
    "pr": platform,
    "api": api,
}


def prepare(rows: Collection[str], scene: Scene) -> None:
    """Write what the rows read."""
    with scene.app() as client:
        if "close" in rows:
            scene.write_month(client)
        scene.write_closed_months(client)


def clean(scene: Scene) -> None:
    """Delete everything."""
    with scene.app() as client:
        client.indices.delete(index=f"{scene.prefix}*", ignore=[404])
        client.indices.delete_template(name=f"{scene.prefix}*", ignore=[404])


def in_process(work: Callable[[Scene], Any], scene: Scene) -> Any:
    """Return what work returns in a process of its own, which has used no memory before."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, scene).result()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search_url")
    parser.add_argument("--rows", nargs="+", choices=NAMES, default=NAMES, help="Only these rows.")
    parser.add_argument("--rounds", type=int, default=3, help="How often each is measured.")
    parser.add_argument("--scale", type=float, default=1, help="Share of the items.")
    arguments = parser.parse_args()
    scene = Scene(arguments.search_url, f"bench-{uuid.uuid4().hex[:8]}-", max(10, int(ITEMS * arguments.scale)))
    start = time.monotonic()
    try:
        in_process(partial(prepare, arguments.rows), scene)
        print(f"prepared in {time.monotonic() - start:.0f} s", flush=True)
        measured: Measured = {}
        for name in arguments.rows:
            rounds = [in_process(MEASURES[name], scene) for _ in range(arguments.rounds)]
            measured |= {found: statistics.median(each[found] for each in rounds) for found in rounds[0]}
            for row in ROWS:
                if row.name == name:
                    print(row.line(measured), flush=True)
    finally:
        in_process(clean, scene)
    print(f"{arguments.rounds} rounds in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
