"""Totals, breakdowns and answers about the same use add up, with pages, windows and bulks of seven."""

import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.aggregations import StatAggregator, UsageBreakdownAggregator
from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, USAGE_QUERIES
from invenio_stats.core.moments import parse
from tests.fixtures import breakdowns
from tests.fixtures.usage import COUNTER, count_items, count_records, plain
from tests.flow.queries.usage_documents import Records
from tests.laws import examples

SEVEN = 7
TODAY = "2026-03-20"
LAW = examples(0.15)

FIELDS = {
    "day": ("2026-01-30", "2026-02-10", "2026-02-28", "2026-03-19"),
    "item": ("i1", "j1", "i2", "k3", "l4", None),
    "session": ("s1", "s2", "s3", None),
    "visitor_id": ("0a", "3c", "7f", "80", "c1", "ff", None),
    "labels": (["c1"], ["c1", "c2"], None),
    "country": ("DE", "DE", "DE", "CH", "CH", "FR", None),
    "referrer": ("a.example", "a.example", "b.example", None),
    "access_type": ("Open", "Controlled"),
    "institution": ("u1", None, None),
    "access_method": (None, None, None, "TDM"),
    "is_robot": (False, False, False, True),
}
FILES = ("a.pdf", "b.pdf")
METRICS = ("views", "downloads", "volume")


@pytest.fixture(autouse=True)
def sevens(monkeypatch, app):
    """Pages, windows and bulks of seven, in all that counts, writes and reads totals."""
    for path in (
        "totals.writing.BULK_SIZE",
        "totals.lost_events.BULK_SIZE",
        "totals.breakdown_store._PAGE",
        "totals.breakdown_folding._COMMUNITIES_PER_REQUEST",
        "totals.breakdown_folding._RECORDS_PER_REQUEST",
        "totals.search_bodies.MAX_INTERVALS_PER_REQUEST",
        "search.scan.PAGE_SIZE",
    ):
        monkeypatch.setattr(f"invenio_stats.{path}", SEVEN)
    monkeypatch.setitem(app.config, "STATS_FOLD_UNDER", 2)
    monkeypatch.setitem(app.config, "STATS_BREAKDOWN_VALUES", 2)
    monkeypatch.setitem(app.config, "STATS_BREAKDOWN_MIN_USES", SEVEN)


@pytest.fixture
def count_all(search_client, put_templates, usage_aggregator, clock):
    """Return a function that counts everything."""

    def run():
        for name in ("file-download-agg", "record-view-agg"):
            StatAggregator(name=name, **{**AGGREGATIONS_CONFIG[name]["params"], "max_bucket_size": SEVEN}).run()
        for name in ("item-usage-agg", "record-usage-agg"):
            usage_aggregator(name, max_bucket_size=SEVEN).run()
        aggregator = usage_aggregator("usage-breakdown-agg", UsageBreakdownAggregator)
        aggregator.events_per_window = SEVEN
        aggregator.run()

    return run


@pytest.fixture
def empty(search_client, index_prefix, clock):
    """Return a function that deletes all documents."""

    def delete():
        clock.now = parse(f"{TODAY}T12:00:00")
        search_client.indices.refresh(index=f"{index_prefix}*")
        search_client.delete_by_query(index=f"{index_prefix}*", body={"query": {"match_all": {}}}, refresh=True)

    return delete


def use_something(usage, choose, **changes):
    """Store a view or a download, of a file; changes are functions of the chosen fields."""
    fields = {name: choose(values) for name, values in FIELDS.items()}
    fields.update({name: change(fields) for name, change in changes.items()})
    if choose((True, False)):
        return usage.view(**fields, unique_id=f"recid_{fields['item']}")
    key = choose(FILES)
    return usage.download(**fields, size=choose((1, 10)), file_key=key, unique_id=f"{fields['item']}_{key}")


def events_of(client, refs):
    return [
        ("file-download" if "file-download" in ref["index"] else "record-view", client.get(**ref)["_source"])
        for ref in sorted(refs, key=lambda ref: ref["id"])
    ]


def sums(totals, key_of, metrics=METRICS):
    found = defaultdict(Counter)
    for total in totals:
        found[key_of(total)].update({metric: total[metric] for metric in metrics})
    return {key: +counted for key, counted in found.items() if +counted}


@LAW
@given(seed=st.integers(0, 10_000), size=st.integers(20, 60), changes=st.integers(0, 10))
def test_whatever_is_about_the_same_use_adds_up(
    app, usage, count_all, empty, stored_totals, search_client, clock, seed, size, changes
):
    empty()
    chance = random.Random(seed)
    refs = [use_something(usage, chance.choice) for _ in range(size)]
    clock.forward(hours=1)
    count_all()
    clock.forward(hours=1)
    for _ in range(changes):  # retractions, late events, communities that are left
        change = chance.choice(({"superseded": True}, {"labels": ["c2"]}, {"country": "CH"}, {"is_robot": True}))
        usage.change(chance.choice(refs), **change)
        refs.append(use_something(usage, chance.choice))
    count_all()
    events = events_of(search_client, refs)
    items, records = stored_totals("stats-item-usage"), stored_totals("stats-record-usage")
    assert {key: plain(total) for key, total in items.items()} == count_items(events)
    assert {key: plain(total) for key, total in records.items()} == count_records(events)
    check_rules_of_counter(items.values())
    check_versions(items.values(), records.values())
    check_files(items.values(), stored_totals("stats-file-download").values())
    found = breakdowns.read(stored_totals("stats-usage-breakdown"))
    assert found["day"] == breakdowns.count_days(events, TODAY, 2)
    assert found["month"] == breakdowns.count_months(events, TODAY, 2, 2, SEVEN)
    check_breakdowns(items.values(), found)


def check_rules_of_counter(totals):
    """Of each item and each of its rows: TII >= TIR >= UIR, TII >= UII >= UIR."""
    for total in totals:
        for numbers in (total, *total["rows"]):
            all_uses, requests, sessions, request_sessions = (numbers[name] for name in COUNTER)
            assert all_uses >= requests >= request_sessions
            assert all_uses >= sessions >= request_sessions
        for name in COUNTER:
            assert total[name] == sum(row[name] for row in total["rows"])


def check_versions(items, records):
    """Totals of a record are the sums of its versions; its unique numbers are not above these."""
    by_record = lambda total: (total["parent_id"], total["timestamp"])  # noqa: E731
    assert sums(items, by_record) == sums(records, by_record)
    unique = sums(items, by_record, ("unique_views", "unique_downloads"))
    for total in records:
        for name in ("unique_views", "unique_downloads"):
            assert total[name] <= unique.get(by_record(total), Counter())[name]


def check_files(items, files):
    """Downloads and bytes of an item are those of its files."""
    of_item = sums(items, lambda total: (total["item_id"], total["timestamp"]), ("downloads", "volume"))
    of_files = defaultdict(Counter)
    for total in files:
        if total.get("item_id"):
            counted = Counter(downloads=total["count"], volume=int(total["volume"]))
            of_files[total["item_id"], total["timestamp"]].update(counted)
    assert of_item == dict(of_files)


def check_breakdowns(items, found):
    """Rows and rest of each day, and of each month, are the use of the repository or the community."""
    expected = defaultdict(Counter)
    for total in items:
        counted = Counter(investigations=total["views"] + total["downloads"], requests=total["downloads"])
        day = total["timestamp"][:10]
        for scope in (("repository", None), *(("community", label) for label in total.get("labels", ()))):
            for start in (day, day[:7]):
                if day < TODAY and start < TODAY[:7] + "-99" and (len(start) == 10 or start < TODAY[:7]):
                    expected[(*scope, start)].update(counted)
    for dimension in breakdowns.DIMENSIONS:
        counted = {
            key[1:]: Counter(
                investigations=sum(row[0] for row in document["rows"].values()) + document["other"][0],
                requests=sum(row[1] for row in document["rows"].values()) + document["other"][1],
            )
            for interval in ("day", "month")
            for key, document in found[interval].items()
            if key[0] == dimension and key[1] != "record"
        }
        assert counted == {key: numbers for key, numbers in expected.items() if +numbers}


@pytest.fixture
def ask(app, clock):
    """Return a function that asks a query as the system, about months that are over."""
    state = app.extensions["invenio-stats"]
    parents = {item: f"p{item[-1]}" for item in FIELDS["item"] if item}
    known = Records(parents, communities={"c1": "physics", "c2": "botany"})
    state.access, state.item_metadata = known, known.describe

    def run(name, **params):
        app.extensions.pop("invenio-stats-completeness", None)
        entry = USAGE_QUERIES[name]
        query = entry["cls"](name=name, clock=lambda: clock.now, **entry["params"])
        return query.run(**{"from": "2026-01", "to": "2026-02", **params})

    return run


@pytest.mark.parametrize("seed", range(4))
def test_answers_add_up(usage, count_all, empty, ask, seed):
    """Lists, series, breakdowns and totals of the same scope and range.

    On a day all versions of a record are in the same communities: those of a record are what its newest event has.
    """

    def labels_of_record(fields):
        return random.Random(f"{fields['item'] and fields['item'][-1]}{fields['day']}").choice(FIELDS["labels"])

    empty()
    chance, refs = random.Random(seed), []
    for _ in range(150):
        refs.append(use_something(usage, chance.choice, labels=labels_of_record))
    count_all()
    for ref in refs[:20]:  # double clicks that are known late
        usage.change(ref, superseded=True)
    count_all()
    scopes = {"repository": {}, "community": {"community": "physics"}, "record": {"record": "p1"}}
    for scope, params in scopes.items():
        total = ask(f"{scope}-total", **params)
        points = ask(f"{scope}-series", interval="month", **params)["points"]
        assert all(total[metric] == sum(point[metric] for point in points) for metric in METRICS)
        for name in ("countries", "hosts"):
            answer = ask(f"{scope}-{name}", **params)
            for metric in ("views", "downloads"):
                told = sum(row[metric] for row in [*answer["rows"], answer["other"], answer["unknown"]])
                assert told == total[metric], (scope, name, metric)
        requests = ask(f"{scope}-open-ratio", **params)["requests"]
        assert sum(requests.values()) == total["downloads"]
    lists = {
        "repository-records": ("repository-total", {}, METRICS),
        "community-records": ("community-total", {"community": "physics"}, METRICS),
        "record-versions": ("record-total", {"record": "p1"}, METRICS),
        "record-files": ("record-total", {"record": "p1"}, ("downloads", "volume")),
    }
    for name, (whole, params, metrics) in lists.items():
        rows, total = ask(name, size=100, **params)["rows"], ask(whole, **params)
        assert {metric: sum(row[metric] for row in rows) for metric in metrics} == {
            metric: total[metric] for metric in metrics
        }, name


@pytest.mark.parametrize("sessions", [700])
def test_an_item_of_many_sessions_and_rows_is_exact(usage, count_all, stored_totals, search_client, sessions):
    """The size at which this is proven on a real engine is in tests/services/test_usage_size.py."""
    day = datetime(2026, 3, 10, tzinfo=timezone.utc)
    first = usage.view(session="s0")
    event = search_client.get(**first)["_source"]
    lines = []
    for number in range(1, sessions):
        moment = day + timedelta(seconds=number)
        lines += [
            {"index": {"_index": first["index"], "_id": f"large-{number}"}},
            {
                **event,
                "timestamp": moment.replace(tzinfo=None).isoformat(),
                "unique_session_id": f"s{number}",
                "country": f"C{number % 70}",
            },
        ]
    assert not search_client.bulk(body=lines, refresh=True)["errors"]
    count_all()
    (total,) = stored_totals("stats-item-usage").values()
    assert [total[name] for name in COUNTER] == [sessions, 0, sessions, 0]
    assert len(total["rows"]) == 71
    assert total["unique_views"] == sessions
