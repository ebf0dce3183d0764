"""Days before item usage's first day are counted from the totals of 7.x, and no day from both."""

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.contrib.config import USAGE_QUERIES
from tests.flow.queries.usage_documents import METRICS, Records, Totals, set_bookmarks, usage
from tests.laws import examples

NOW = datetime(2026, 11, 12, 9, 30, tzinfo=timezone.utc)
PARENTS = {"a1": "a", "a2": "a", "b1": "b", "u1": "u1"}
FIRST_DAY = date(2026, 6, 1)
NOTHING = dict.fromkeys(METRICS, 0)


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    """Only what queries need: an engine."""
    return {"SEARCH_HOSTS": [engine_url], "SEARCH_INDEX_PREFIX": index_prefix, **cache_config}


@pytest.fixture
def written(search_client, index_prefix):
    return Totals(search_client, index_prefix)


@pytest.fixture(autouse=True)
def records(app, search_client, index_prefix):
    """The records of the instance, and totals that are counted up to now."""
    set_bookmarks(search_client, index_prefix, NOW)
    state = app.extensions["invenio-stats"]
    known = Records(PARENTS, owners={"a1": "7", "b1": "7"}, communities={"x": "physics"})
    state.access, state.item_metadata = known, known.describe
    return known


def ask(name, **params):
    entry = USAGE_QUERIES[name]
    return entry["cls"](name=name, clock=lambda: NOW, **entry["params"]).run(**params)


def numbers(answer):
    return {metric: answer[metric] for metric in METRICS}


def ids_of(item):
    """Return what 7.x writes into a total of a record: that of InvenioRDM, or the plain one of `u1`."""
    return {"record_id": item} if item == "u1" else {"recid": item, "parent_recid": PARENTS[item]}


def old_views(day, item, count):
    unique = -(-count // 2)
    return {"timestamp": f"{day}T00:00:00", "count": count, "unique_count": unique, **ids_of(item)}


def old_downloads(day, item, count, file_key="f.pdf"):
    ids = {} if item == "u1" else ids_of(item)  # of plain records nothing but the bucket is known
    found = {"timestamp": f"{day}T00:00:00", "count": count, "unique_count": -(-count // 2), "volume": 10 * count}
    return {**found, "file_key": file_key, "bucket_id": f"B-{item}", **ids}


def days_of_years():
    """Yield every tenth day of three years, past and not."""
    day = date(2023, 11, 1)
    while day < NOW.date():
        yield day
        day += timedelta(days=10)


def three_years(written):
    """Write three years of 7.x totals, whose aggregations have not stopped, and item usage from its first day on."""
    items = sorted(PARENTS)
    used = [(day, items[number % 4], number % 7 + 1) for number, day in enumerate(days_of_years())]
    written.write("stats-record-view", [old_views(*found) for found in used])
    written.write("stats-file-download", [old_downloads(*found) for found in used])
    new = [(day, item, count) for day, item, count in used if day >= FIRST_DAY]
    written.write_usage(
        [usage(str(FIRST_DAY), "b1", "b", ["x"])]
        + [usage(str(day), item, PARENTS[item], ["x"], views=count, downloads=count) for day, item, count in new]
    )
    return used


def expected(used, items, first="", last="9", without_downloads=()):
    """Return the numbers of what was used: as both kinds of total give them, they are the same on any day."""
    found = dict(NOTHING)
    for day, item, count in used:
        if item in items and first <= str(day) <= last:
            found["views"] += count
            found["unique_views"] += -(-count // 2)
            if day >= FIRST_DAY or item not in without_downloads:
                found["downloads"] += count
                found["unique_downloads"] += -(-count // 2)
                found["volume"] += 10 * count
    return found


def test_three_years_of_totals(written):
    used = three_years(written)
    everything = ask("repository-total", period="all")
    assert numbers(everything) == expected(used, PARENTS)
    assert (everything["from"], everything["complete"], everything["gaps"]) == ("2023-11-01", True, [])
    assert numbers(ask("record-total", record="a")) == expected(used, ["a1", "a2"])
    assert numbers(ask("record-total", record="a1", versions="this")) == expected(used, ["a1"])
    assert numbers(ask("record-total", record="u1")) == expected(used, ["u1"], without_downloads=["u1"])
    for versions, items in (("all", ["a1", "a2", "b1"]), ("this", ["a1", "b1"])):
        assert numbers(ask("user-total", user="7", period="all", versions=versions)) == expected(used, items)
    assert ask("file-total", file="a/f.pdf")["downloads"] == expected(used, ["a1", "a2"])["downloads"]


def test_a_series_over_the_first_day(written):
    used = three_years(written)
    answer = ask("repository-series", interval="month", **{"from": "2026-04", "to": "2026-07"})
    for point, last in zip(answer["points"], ("2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31"), strict=True):
        assert numbers(point) == expected(used, PARENTS, point["date"], last)
        assert point["state"] == "whole"
    assert numbers(ask("repository-total", **{"from": "2026-05-31", "to": "2026-06-01"})) == expected(
        used, PARENTS, "2026-05-31", "2026-06-01"
    )


def test_lists_add_up_what_both_count(written):
    used = three_years(written)
    rows = ask("repository-records", by="views", period="all")["rows"]
    counted = {"a": expected(used, ["a1", "a2"]), "b": expected(used, ["b1"])}
    counted["u1"] = expected(used, ["u1"], without_downloads=["u1"])
    assert [row["id"] for row in rows] == sorted(counted, key=lambda key: (-counted[key]["views"], key))
    assert {row["id"]: numbers(row) for row in rows} == counted
    versions = ask("record-versions", record="a", by="views")["rows"]
    assert {row["id"]: numbers(row) for row in versions} == {item: expected(used, [item]) for item in ("a1", "a2")}
    mine = ask("user-records", user="7", period="all")["rows"]
    assert {row["id"]: numbers(row) for row in mine} == {key: counted[key] for key in "ab"}
    assert sum(mine[0]["months"]) == expected(used, ["a1", "a2"], "2025-12-01", "2026-11-30")["downloads"]


def test_communities_have_nothing_there_and_say_so(written):
    used = three_years(written)
    answer = ask("community-total", community="x", **{"from": "2026-01", "to": "2026-10"})
    assert numbers(answer) == expected(used, PARENTS, str(FIRST_DAY), "2026-10-31")
    assert answer["complete"] is False
    gap = {"from": "2026-01-01", "to": "2026-05-31", "event_type": None, "reason": "before_item_usage"}
    assert answer["gaps"] == [gap]
    states = [point["state"] for point in ask("community-series", community="x", **{"from": "2026-05"})["points"]]
    assert {*states} == {"before", "whole", "running"}
    assert ask("repository-communities", **{"from": "2026-01", "to": "2026-10"})["gaps"] == [gap]
    assert ask("repository-open-ratio", **{"from": "2026-01", "to": "2026-10"})["gaps"] == [gap]
    assert ask("community-total", community="x", period="all")["from"] == str(FIRST_DAY)


def test_an_instance_that_has_never_counted_item_usage(written):
    """Everything is the past."""
    written.write("stats-record-view", [old_views("2026-05-05", "a1", 3)])
    written.write("stats-file-download", [old_downloads("2026-05-05", "u1", 4)])
    assert numbers(ask("repository-total")) == {
        **{"views": 3, "unique_views": 2, "downloads": 4, "unique_downloads": 2, "volume": 40}
    }
    assert ask("repository-records", by="views")["rows"][0]["views"] == 3
    assert numbers(ask("community-total", community="x")) == NOTHING
    assert ask("repository-communities")["rows"] == []
    assert ask("repository-open-ratio")["shares"] is None


USED = st.lists(
    st.tuples(st.dates(date(2026, 5, 20), date(2026, 6, 12)), st.sampled_from(["a1", "a2", "b1"]), st.integers(1, 9)),
    max_size=30,
)


@examples(0.2)
@given(
    used=USED,
    days=st.lists(st.dates(date(2026, 5, 15), date(2026, 6, 15)), min_size=2, max_size=2).map(sorted),
    interval=st.sampled_from(["day", "week", "month"]),
)
def test_any_range_is_counted_once(written, search_client, index_prefix, used, days, interval):
    search_client.indices.delete(index=f"{index_prefix}stats-*-20*", ignore=[404])
    written.write("stats-record-view", [old_views(*found) for found in used])
    written.write("stats-file-download", [old_downloads(*found) for found in used])
    new = [found for found in used if found[0] >= FIRST_DAY]
    written.write_usage(
        [usage(str(FIRST_DAY), "b1", "b")]
        + [usage(str(day), item, PARENTS[item], views=count, downloads=count) for day, item, count in new]
    )
    range_ = {"from": days[0], "to": days[1]}
    first, last = map(str, days)
    for name, params, items in (
        ("repository", {}, ["a1", "a2", "b1"]),
        ("record", {"record": "a"}, ["a1", "a2"]),
        ("user", {"user": "7"}, ["a1", "a2", "b1"]),
    ):
        total = expected(used, items, first, last)
        assert numbers(ask(f"{name}-total", **params, **range_)) == total
        points = ask(f"{name}-series", interval=interval, **params, **range_)["points"]
        assert {metric: sum(point[metric] for point in points) for metric in METRICS} == total
    rows = ask("repository-records", **range_)["rows"]
    counted = {key: expected(used, items, first, last) for key, items in (("a", ["a1", "a2"]), ("b", ["b1"]))}
    assert all(numbers(row) == counted[row["id"]] for row in rows)
    assert {metric: sum(row[metric] for row in rows) for metric in METRICS} == expected(used, PARENTS, first, last)
    assert [row["id"] for row in rows] == sorted(
        (row["id"] for row in rows), key=lambda k: (-counted[k]["downloads"], k)
    )
