"""Totals equal a recount on the real engine, with late events, many items, and compacted months."""

import random
import threading
import time
from collections import defaultdict
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from invenio_search.engine import search

from invenio_stats.operations.compaction.month import compact
from invenio_stats.operations.compaction.plans import plans
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.tasks import aggregate_events, process_events
from tests.services.conftest import kill
from tests.services.test_proof import (
    AGENT,
    AGGREGATION,
    EVENT,
    clicks,
    counted,
    nursery,
    publish,
    ready,
    report,
    results,
    settle,
    wait_for_spool,
)

__all__ = ("nursery", "ready", "results")  # fixtures

LAST = datetime(2026, 10, 31, tzinfo=timezone.utc)
FILES = 100
NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)

pytestmark = pytest.mark.timeout(900)


def downloads(chance: random.Random, number: int) -> list[dict]:
    """Return downloads by as many people, spread over two years."""
    return [
        {
            "timestamp": (LAST - timedelta(seconds=chance.randrange(730 * 86_400))).replace(tzinfo=None).isoformat(),
            "bucket_id": "B",
            "file_id": f"F{chance.randrange(FILES)}",
            "file_key": "paper.pdf",
            "size": 1,
            "ip_address": f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}",
            "user_agent": AGENT,
        }
        for _ in range(number)
    ]


@pytest.fixture
def totals(search_client, index_prefix, refresh):
    """Return the stored totals by file and day."""

    def read():
        refresh()
        found = search.helpers.scan(search_client, index=f"{index_prefix}stats-{EVENT}", size=5000)
        return {(hit["_source"]["file_id"], hit["_source"]["timestamp"][:10]): hit["_source"] for hit in found}

    return read


def work():
    process_events([EVENT])
    (result,) = aggregate_events([AGGREGATION])
    assert isinstance(result, list), result
    return result


@pytest.mark.usefixtures("ready")
def test_ten_thousand_late_events_over_two_years_touch_their_totals_only(totals):
    chance = random.Random(8)
    old, late = downloads(chance, 20_000), downloads(chance, 10_000)
    publish(old)
    wait_for_spool()
    work()
    before = totals()
    assert {pair: total["count"] for pair, total in before.items()} == counted(old)
    publish(late)
    wait_for_spool()
    process_events([EVENT])
    began = time.monotonic()
    (result,) = aggregate_events([AGGREGATION])
    seconds = time.monotonic() - began
    after = totals()
    touched = {pair for pair, total in after.items() if total != before.get(pair)}
    expected = counted([*old, *late])
    print(f"10,000 late events over two years: {len(touched)} totals in {seconds:.1f} s")  # noqa: T201
    assert {pair: total["count"] for pair, total in after.items()} == expected
    assert touched == set(counted(late))
    assert sum(written for written, _ in result) == len(touched)


@pytest.mark.usefixtures("ready")
def test_a_hundred_thousand_things_in_one_day(totals, search_client, index_prefix, refresh):
    number, index = 100_000, f"{index_prefix}events-stats-{EVENT}-2026-10-31"
    ensure_events_index(search_client, f"{index_prefix}events-stats-{EVENT}", LAST, now=LAST)
    stamp = datetime.now(timezone.utc).isoformat()
    events = (
        {
            "_index": index,
            "_id": f"{thing}-{visit}",
            "timestamp": "2026-10-31T10:00:00",
            "unique_id": f"B_F{thing}",
            "file_id": f"F{thing}",
            "bucket_id": "B",
            "file_key": "paper.pdf",
            "size": 1,
            "unique_session_id": f"s{visit % 2}",
            "is_robot": False,
            "is_machine": False,
            "updated_timestamp": stamp,
        }
        for thing in range(number)
        for visit in range(1 + thing % 3)
    )
    search.helpers.bulk(search_client, events, chunk_size=5000)
    began = time.monotonic()
    (result,) = aggregate_events([AGGREGATION])
    print(f"100,000 things in one day: {time.monotonic() - began:.1f} s")  # noqa: T201
    assert result == [(number, 0)]
    found = totals()
    assert len(found) == number
    for (file, _day), total in found.items():
        visits = 1 + int(file[1:]) % 3
        assert (total["count"], total["unique_count"], total["volume"]) == (visits, min(visits, 2), visits)


@pytest.fixture
def make_months(app, search_client):
    """Return a function that makes one index of each month's days."""

    def run():
        with app.app_context():
            for plan in plans(search_client, [EVENT], NOW):
                compact(search_client, plan, lambda: datetime.now(timezone.utc))

    return run


def load(chance, workers, make_months, month, alias, client, opensearch):
    """Make a month of days, let events of it come in while it becomes one index, and kill what is at work."""
    start = datetime(2026, month, 2, 23, 50, tzinfo=timezone.utc)
    for day in (start, start + timedelta(days=1)):
        ensure_events_index(client, alias, day, now=start)
    sent = clicks(month, 1500, start)
    publish(sent)

    def try_to_make_months():
        with suppress(Exception):  # the engine is killed
            make_months()

    pid, building = workers.start(), threading.Thread(target=try_to_make_months)
    time.sleep(chance.uniform(0, 1))
    building.start()
    time.sleep(chance.uniform(0, 1))
    if month == 5:
        opensearch.crash()
        opensearch.start()
    elif month % 2:
        kill(pid)
    building.join()
    workers.wait()
    return sent


def test_months_become_one_index_each_while_events_arrive(
    nursery, queues, results, opensearch, search_client, index_prefix, make_months
):
    """Some workers are killed, and the engine once in between."""
    workers, chance, alias = nursery(), random.Random(9), f"{index_prefix}events-stats-{EVENT}"
    sent = [
        event
        for month in range(1, 10)
        for event in load(chance, workers, make_months, month, alias, search_client, opensearch)
    ]
    settle(workers, queues)
    for _ in range(2):
        stored, totals = results()
        assert stored == counted(sent)
        assert totals == stored
        make_months()
    report("months compacted under load", 9, counted(sent), stored, totals)
    by_month = defaultdict(list)
    for index in search_client.indices.get_alias(index=alias):
        by_month[index.removeprefix(alias)[:8]].append(index)
    assert all(len(indices) == 1 for indices in by_month.values()), by_month
