"""Processes are killed before every request to the engine: the next one finishes, as if it had been alone.

A kill after an answer is the same as one before the next request.
"""

import json
import subprocess
import sys
from datetime import date
from itertools import count

import pytest

from invenio_stats.completeness.first_day import FirstDay
from invenio_stats.completeness.gaps import gaps_in, gaps_ref
from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.core.gaps import Gap
from invenio_stats.core.moments import parse
from invenio_stats.search.multi_get import read
from tests.fixtures import breakdowns
from tests.fixtures.usage import count_items, plain
from tests.services.test_proof import ROOT

MISSING = {"refused": {date(2026, 2, 10): 100}}
GAP = Gap(date(2026, 2, 10), date(2026, 2, 10), "record-view", "refused")
DAYS = ("2026-02-10", "2026-02-11")
LIMITS = {"STATS_FOLD_UNDER": 3, "STATS_BREAKDOWN_VALUES": 2, "STATS_BREAKDOWN_MIN_USES": 8}
COUNTER = ("STATS_COUNTER_PLATFORM", "STATS_COUNTER_PLATFORM_ID")
SERVICES = ("SEARCH_HOSTS", "SEARCH_INDEX_PREFIX", "CACHE_TYPE", "CACHE_REDIS_URL", "BROKER_URL")
KEPT = (*SERVICES, "SECRET_KEY", "STATS_SPOOL_DIR", *COUNTER)

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def aggregations_config():
    return USAGE_AGGREGATIONS


@pytest.fixture
def mortal(app_config, real_engine_url, put_templates, clock):
    """Return `mortal(does, requests)`: whether a process came to its end before it was killed.

    Its time is an hour after that of the process before, so that the lease of that one is over.
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    process = subprocess.Popen([sys.executable, "-m", "tests.services.mortal"], **pipes)

    def ask(line):
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
        return process.stdout.readline()

    settings = {key: value for key, value in app_config.items() if key in KEPT} | LIMITS
    assert ask(settings) == "ready\n"

    def live(does, requests=0):
        clock.forward(hours=1)
        line = {"does": does, "now": clock.now.isoformat(), "requests": requests}
        return json.loads(ask(line))

    yield live
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    process.stdout.close()


@pytest.fixture
def used(usage):
    """Uses of two records on two days by several visitors, some from a community; return where they are."""
    return [
        use(item, day=day, visitor_id=f"{visitor}0", session=str(visitor), country=country, labels=labels)
        for day in DAYS
        for use, item, labels in ((usage.view, "i1", ["c1"]), (usage.download, "i2", None))
        for visitor, country in enumerate(("DE", "DE", "DE", "CH", "CH", "CH", "FR"))
    ]


@pytest.fixture
def events(search_client):
    """Return `events(refs)`: the raw events as they are."""
    return lambda refs: [
        ("file-download" if "file-download" in ref["index"] else "record-view", search_client.get(**ref)["_source"])
        for ref in sorted(refs, key=lambda ref: int(ref["id"]))
    ]


@pytest.fixture
def expected(events):
    """Return `expected(refs)`: the breakdowns by a plain count."""

    def count_all(refs):
        found = events(refs)
        return {
            "day": breakdowns.count_days(found, "2026-03-20", LIMITS["STATS_BREAKDOWN_VALUES"]),
            "month": breakdowns.count_months(
                found,
                "2026-03-20",
                LIMITS["STATS_FOLD_UNDER"],
                LIMITS["STATS_BREAKDOWN_VALUES"],
                LIMITS["STATS_BREAKDOWN_MIN_USES"],
            ),
        }

    return count_all


@pytest.fixture
def stored(stored_totals):
    return lambda: breakdowns.read(stored_totals("stats-usage-breakdown"))


@pytest.fixture
def forget(search_client, index_prefix):
    """Return `forget(aggregation, alias)`: have it never counted."""

    def delete(aggregation, alias):
        search_client.indices.delete(index=f"{index_prefix}{alias}-*", ignore=[404])
        FirstDay(search_client, aggregation).forget()
        for index in ("stats-bookmarks", "stats-locks"):
            search_client.delete(index=f"{index_prefix}{index}", id=aggregation, ignore=[404], refresh=True)

    return delete


def test_a_first_count_of_breakdowns_that_is_killed(mortal, used, expected, stored, search_client, forget):
    assert mortal("items")
    assert mortal("records")
    right = expected(used)
    for requests in count(1):
        forget("usage-breakdown-agg", "stats-usage-breakdown")
        is_over = mortal("breakdowns", requests)
        for interval, found in stored().items():
            assert found.items() <= right[interval].items()
        assert mortal("breakdowns")
        assert stored() == right
        assert FirstDay(search_client, "usage-breakdown-agg").get() == parse(DAYS[0])
        if is_over:
            break
    assert requests > 30


def test_breakdowns_of_a_late_day_that_are_killed(mortal, used, usage, expected, stored, usage_aggregator):
    """A month is visible as it was or as it becomes, document by document, and never in between."""
    for does in ("items", "records", "breakdowns"):
        assert mortal(does)
    for requests in count(1):
        before = expected(used)
        # Of three visitors from Germany a day remain two, and of three from Switzerland become four; and back again.
        usage.change(used[2], country="CH" if requests % 2 else "DE")
        after = expected(used)
        for name in ("item-usage-agg", "record-usage-agg"):
            usage_aggregator(name).run()
        is_over = mortal("breakdowns", requests)
        for interval, found in stored().items():
            assert found.keys() == before[interval].keys() | after[interval].keys()
            assert all(document in (before[interval][key], after[interval][key]) for key, document in found.items())
        assert mortal("breakdowns")
        assert stored() == after
        if is_over:
            break
    assert requests > 30


def test_a_first_count_of_items_that_is_killed(mortal, used, events, stored_totals, search_client, forget):
    right = count_items(events(used))
    for requests in count(1):
        forget("item-usage-agg", "stats-item-usage")
        is_over = mortal("items", requests)
        assert mortal("items")
        assert {key: plain(total) for key, total in stored_totals("stats-item-usage").items()} == right
        assert FirstDay(search_client, "item-usage-agg").get() == parse(DAYS[0])
        if is_over:
            break
    assert requests > 10


def test_a_search_for_gaps_that_is_killed(mortal, used, search_client, refresh):
    assert mortal("items")
    refresh()
    for requests in count(1):
        ref = gaps_ref("record-view")
        search_client.delete(index=ref["_index"], id=ref["_id"], ignore=[404], refresh=True)
        is_over = mortal("gaps", requests)
        assert gaps_in(read(search_client, [ref])[0]) in ([], [GAP])
        assert mortal("gaps")
        assert gaps_in(read(search_client, [ref])[0]) == [GAP]
        if is_over:
            break
    assert requests > 2


def test_an_expiry_that_is_killed(mortal, used, stored_totals, search_client, index_prefix, refresh):
    """Every third request is tried here; the embedded engine tries all."""
    raw = f"{index_prefix}events-stats-record-view-2026-02,{index_prefix}events-stats-file-download-2026-02"
    counted = ("stats-item-usage", "stats-record-usage", "stats-usage-breakdown")

    def count_all():
        for does in ("items", "records", "breakdowns"):
            assert mortal(does)
        return {alias: {key: plain(total) for key, total in stored_totals(alias).items()} for alias in counted}

    def events_left():
        return search_client.search(index=raw, body={"size": 100}, ignore_unavailable=True)["hits"]["hits"]

    count_all()
    refresh()
    before, kept, indices = count_all(), events_left(), search_client.indices.get(index=raw)
    assert len(kept) == len(used)
    for requests in count(1, 3):
        is_over = mortal("expire", requests)
        assert count_all() == before
        assert mortal("expire")
        assert events_left() == []
        assert count_all() == before
        if is_over:
            break
        search_client.indices.delete(index=f"{index_prefix}stats-completeness")
        for index, about in indices.items():
            body = {"aliases": about["aliases"], "mappings": about["mappings"]}
            search_client.indices.create(index=index, body=body)
        for hit in kept:
            search_client.index(index=hit["_index"], id=hit["_id"], body=hit["_source"])
        refresh()
    assert requests > 30
