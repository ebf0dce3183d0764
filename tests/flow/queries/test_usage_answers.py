"""Totals and series of usage, from totals in the engine."""

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.contrib.config import USAGE_QUERIES
from invenio_stats.errors import InvalidRequestInputError, NotFoundError
from tests.flow.queries.usage_documents import METRICS, Records, Totals, by_parent, plain_count, set_bookmarks, usage
from tests.laws import examples

NOW = datetime(2026, 11, 12, 9, 30, tzinfo=timezone.utc)
PARENTS = {"a1": "a", "a2": "a", "b1": "b", "c1": "c1"}
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
    known = Records(PARENTS, owners={"a1": "7", "a2": "7", "b1": "8"}, communities={"x": "physics", "y": "botany"})
    state.access, state.item_metadata = known, known.describe
    return known


def ask(name, now=NOW, **params):
    entry = USAGE_QUERIES[name]
    return entry["cls"](name=name, clock=lambda: now, **entry["params"]).run(**params)


def numbers(answer):
    return {metric: answer[metric] for metric in METRICS}


USED = [
    usage("2025-10-31", "a1", "a", ["x"], views=4, downloads=3),
    usage("2025-11-01", "a1", "a", ["x"], views=8, downloads=2),
    usage("2026-02-03", "a2", "a", ["x", "y"], views=1, downloads=6),
    usage("2026-02-03", "b1", "b", ["y"], views=2),
    usage("2026-10-31", "c1", None, [], downloads=9),
    usage("2026-11-12", "b1", "b", ["y"], views=100),
]


def test_a_total_has_its_range_and_the_period_before(written):
    written.write_usage(USED)
    assert ask("repository-total") == {
        "query": "repository-total",
        "params": {"from": "2025-11-01", "to": "2026-10-31", "compare": "before", "versions": "all"},
        "from": "2025-11-01",
        "to": "2026-10-31",
        "updated": "2026-11-12T09:30:00+00:00",
        "complete": True,
        "gaps": [],
        "rules": "COUNTER 5.1",
        "views": 11,
        "unique_views": 6,
        "downloads": 17,
        "unique_downloads": 9,
        "volume": 170,
        "before": {
            "from": "2024-11-01",
            "to": "2025-10-31",
            "complete": False,
            "views": 4,
            "unique_views": 2,
            "downloads": 3,
            "unique_downloads": 2,
            "volume": 30,
        },
    }


def test_before_anything_is_counted_all_is_zero(written):
    answer = ask("repository-total")
    assert numbers(answer) == NOTHING
    assert answer["complete"] is False
    assert answer["gaps"] == [
        {"from": "2025-11-01", "to": "2026-10-31", "event_type": None, "reason": "before_first_day"}
    ]


@pytest.mark.parametrize(
    ("name", "params", "fields", "canonical"),
    [
        pytest.param("record-total", {"record": "a1"}, {"parent_id": "a"}, "a", id="all versions"),
        pytest.param("record-total", {"record": "a"}, {"parent_id": "a"}, "a", id="by its parent"),
        pytest.param("record-total", {"record": "a2", "versions": "this"}, {"item_id": "a2"}, "a2", id="one version"),
        pytest.param("community-total", {"community": "physics"}, {"labels": "x"}, "x", id="a slug"),
        pytest.param("community-total", {"community": "y"}, {"labels": "y"}, "y", id="a label"),
        pytest.param("community-total", {"community": "y", "versions": "this"}, {"labels": "y"}, "y", id="by item"),
    ],
)
def test_a_scope_counts_what_belongs_to_it(written, name, params, fields, canonical):
    written.write_usage(USED)
    answer = ask(name, period="12m", **params)
    assert numbers(answer) == plain_count(USED, "2025-11-01", "2026-10-31", **fields)
    assert answer["params"][name.split("-")[0]] == canonical


@pytest.mark.parametrize("versions", ["all", "this"])
def test_a_user_has_what_the_items_have_that_are_the_users_now(written, versions):
    written.write_usage(USED)
    assert numbers(ask("user-total", user="7", versions=versions)) == plain_count(
        USED, "2025-11-01", "2026-10-31", parent_id="a"
    )
    assert numbers(ask("user-total", user="nobody", versions=versions)) == NOTHING


def test_all_begins_with_the_first_total_of_the_scope_and_has_nothing_to_compare_with(written):
    written.write_usage(USED)
    answer = ask("record-total", record="b")
    assert (answer["from"], answer["to"], answer["before"]) == ("2026-02-03", "2026-11-12", None)
    assert answer["views"] == 102
    assert answer["complete"] is True
    unused = ask("record-total", record="c1", to="2026-01-05")
    assert (unused["from"], unused["to"]) == ("2026-01-05", "2026-01-05")


def test_a_series_has_a_point_for_each_interval(written):
    written.write_usage(USED)
    answer = ask("repository-series", **{"from": "2025-09", "interval": "month", "compare": "year"})
    points = {point["date"]: point for point in answer["points"]}
    assert len(points) == 15
    assert [points[day]["state"] for day in ("2025-09-01", "2025-10-01", "2026-10-01", "2026-11-01")] == [
        *("before", "gap", "whole", "running")
    ]
    assert [points[day]["views"] for day in ("2025-09-01", "2025-10-01", "2026-02-01", "2026-11-01")] == [0, 4, 3, 100]
    assert points["2026-10-01"]["before"] == {
        "date": "2025-10-01",
        "state": "gap",
        **{"views": 4, "unique_views": 2, "downloads": 3, "unique_downloads": 2, "volume": 30},
    }
    assert answer["before"] == {"from": "2024-09-01", "to": "2025-11-12", "complete": False}


def test_a_community_that_is_hidden_or_unknown_is_not_found():
    with pytest.raises(NotFoundError):
        ask("community-total", community="chemistry")
    with pytest.raises(NotFoundError):
        ask("record-series", record="z")


def test_a_parent_is_no_version():
    with pytest.raises(InvalidRequestInputError) as error:
        ask("record-total", record="a", versions="this")
    assert "Give the id of one of them" in error.value.description


def test_open_use_by_month(written):
    status = {"requests_by_access_status": {"open": 3, "restricted": 1}}
    written.write_usage([*USED, usage("2026-03-03", "b1", "b", ["y"], downloads=4, **status)])
    answer = ask("repository-open-ratio")
    points = {point["date"][:7]: point for point in answer["points"]}
    assert points["2026-02"]["requests"] == {"open": 6, "restricted": 0}
    assert points["2026-02"]["shares"] == {"open": 1, "restricted": 0}
    assert points["2026-03"]["shares"] == {"open": 0.75, "restricted": 0.25}
    assert points["2026-04"]["shares"] is None
    assert answer["requests"] == {"open": 20, "restricted": 1}
    running = ask("record-open-ratio", record="b", **{"from": "2026-11"})
    assert [(point["state"], point["shares"]) for point in running["points"]] == [("running", None)]
    assert answer["holdings"] is None
    assert "holdings" not in running


DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 31))
DOCUMENTS = st.lists(
    st.builds(
        lambda day, item, labels, views, downloads: usage(
            day.isoformat(), item, PARENTS[item], sorted(labels), views, downloads
        ),
        DAYS,
        st.sampled_from(sorted(PARENTS)),
        st.sets(st.sampled_from("xy")),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=40,
)


@pytest.fixture
def emptied(search_client, index_prefix):
    def empty():
        search_client.indices.delete(index=f"{index_prefix}stats-*-20*", ignore=[404])

    return empty


@examples(0.3)
@given(
    totals=DOCUMENTS,
    days=st.lists(DAYS, min_size=2, max_size=2).map(sorted),
    interval=st.sampled_from(["day", "week", "month", "quarter", "year"]),
    compare=st.sampled_from(["before", "year", "none"]),
    scope=st.sampled_from(
        [
            ("repository", {}, {}),
            ("record", {"record": "a"}, {"parent_id": "a"}),
            ("community", {"community": "x"}, {"labels": "x"}),
            ("user", {"user": "8"}, {"parent_id": "b"}),
        ]
    ),
)
def test_every_number_is_that_of_a_plain_count(written, emptied, totals, days, interval, compare, scope):
    emptied()
    totals = by_parent(totals)
    written.write("stats-record-usage", totals)
    written.write("stats-item-usage", [usage("2025-01-01", "a1", "a")])
    kind, params, fields = scope
    params = {**params, "from": days[0], "to": days[1], "compare": compare}
    total = ask(f"{kind}-total", **params)
    assert numbers(total) == plain_count(totals, str(days[0]), str(days[1]), **fields)
    series = ask(f"{kind}-series", interval=interval, **params)
    assert {metric: sum(point[metric] for point in series["points"]) for metric in METRICS} == numbers(total)
    starts = [*(point["date"] for point in series["points"]), str(days[1] + timedelta(days=1))]
    for point, following in zip(series["points"], starts[1:], strict=True):
        last = str(date.fromisoformat(following) - timedelta(days=1))
        assert numbers(point) == plain_count(totals, point["date"], last, **fields)
    if total["before"]:
        before = total["before"]
        assert numbers(before) == plain_count(totals, before["from"], before["to"], **fields)
        earlier = [point["before"] for point in series["points"] if point["before"]]
        assert {metric: sum(point[metric] for point in earlier) for metric in METRICS} == numbers(before)
