"""Days before item usage's first day are counted from the totals of 7.x, and no day from both."""

from collections import Counter
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.contrib.config import USAGE_QUERIES
from invenio_stats.queries.usage.items import Limits
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


def test_files_of_plain_records_are_known_by_the_bucket(written, records):
    """Also if none of them was downloaded since totals name the record."""
    old = {"timestamp": "2026-01-01T00:00:00", "file_key": "f.pdf", "count": 4, "unique_count": 2, "volume": 40.0}
    written.write("stats-file-download", [{**old, "bucket_id": "B-u1"}, {**old, "bucket_id": "B-other"}])
    asked = {"file": "u1/f.pdf", "period": "all"}
    assert ask("file-total", **asked)["downloads"] == 0
    records.know_buckets({"u1": "B-u1", "a1": "B-other"})
    for versions in ("all", "this"):
        assert ask("file-total", versions=versions, **asked)["downloads"] == 4
    (row,) = ask("record-files", record="u1", period="all")["rows"]
    assert (row["id"], row["downloads"]) == ("f.pdf", 4)


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


KEYS = [f"k{number}" for number in range(8)]


def ask_with(limits, name, **params):
    entry = USAGE_QUERIES[name]
    query = entry["cls"](name=name, clock=lambda: NOW, **entry["params"])
    query.limits = limits
    return query.run(**params)


@examples(0.2)
@given(
    used=st.lists(
        st.tuples(
            st.dates(date(2026, 3, 1), date(2026, 8, 31)), st.sampled_from(KEYS), st.integers(0, 9), st.booleans()
        )
    ),
    by=st.sampled_from(["downloads", "views"]),
    size=st.integers(1, 4),
    limits=st.builds(
        Limits,
        top=st.integers(1, 5),
        terms=st.sampled_from([2, 100, 65_000]),
        page=st.integers(1, 7),
        sample=st.just(1_000),
    ),
)
def test_a_list_over_both_kinds_of_totals_is_that_of_a_plain_count(
    app, written, search_client, index_prefix, used, by, size, limits
):
    """Whoever was only viewed has a row in the list of downloads, too."""
    search_client.indices.delete(index=f"{index_prefix}stats-*-20*", ignore=[404])
    known = Records({key: key for key in KEYS})
    app.extensions["invenio-stats"].access = known
    app.extensions["invenio-stats"].item_metadata = known.describe
    written.write_usage([usage(str(FIRST_DAY), "k0", views=1)])
    old = [found for found in used if found[0] < FIRST_DAY]
    ids = {key: {"recid": key, "parent_recid": key} for key in KEYS}
    views = [{**old_views(day, "u1", count), **ids[item]} for day, item, count, is_view in old if is_view]
    downloads = [{**old_downloads(day, "u1", count), **ids[item]} for day, item, count, is_view in old if not is_view]
    written.write("stats-record-view", views, shards=2)
    written.write("stats-file-download", downloads)
    written.write_usage(
        [
            usage(str(day), item, item, views=count if is_view else 0, downloads=0 if is_view else count)
            for day, item, count, is_view in used
            if day >= FIRST_DAY
        ]
    )
    sums = Counter({"k0": int(by == "views")})
    for _, item, count, is_view in used:
        sums[item] += count if is_view == (by == "views") else 0
    expected = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    rows, after = [], None
    while not rows or after:
        answer = ask_with(
            limits, "repository-records", by=by, size=size, period="all", **({"after": after} if after else {})
        )
        assert (answer["count"], answer["about"]) == (len(expected), False)
        rows += [(row["id"], row[by]) for row in answer["rows"]]
        after = answer["next"]
    assert rows == expected


def test_the_number_of_many_keys_of_both_kinds_is_estimated_from_a_part_of_them(app, written):
    """The engine counts the values of one field, and these are values of several."""
    number = 1_500
    state = app.extensions["invenio-stats"]
    state.access = known = Records()
    state.item_metadata = known.describe
    ids = [f"r{serial:04}" for serial in range(number)]
    old = {"timestamp": "2026-05-05T00:00:00", "unique_count": 1, "volume": 1}
    found = [{**old, "count": 20_000 // (serial + 1), "parent_recid": key} for serial, key in enumerate(ids)]
    written.write("stats-record-view", found[:1_000])
    written.write("stats-file-download", found)
    written.write_usage([usage(str(FIRST_DAY), key, views=1) for key in ids[500:]])
    answer = ask_with(Limits(top=20, sample=200), "repository-records", size=3, period="all")
    assert [row["downloads"] for row in answer["rows"]] == [20_000, 10_000, 6_666]
    assert answer["about"] is True
    assert abs(answer["count"] - number) < 0.2 * number
