"""Breakdowns are answered from folded months, add up to the use in them, and show no value that was folded."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.contrib.config import USAGE_QUERIES
from invenio_stats.core.breakdowns import Month, Row, Use, fold, write_rows
from invenio_stats.errors import InvalidRequestInputError
from tests.flow.queries.usage_documents import Records, Totals, set_bookmarks, usage
from tests.laws import examples

NOW = datetime(2026, 11, 12, 9, 30, tzinfo=timezone.utc)
NAMES = {"country": "countries", "referrer": "hosts"}
MAPPING = {
    "properties": {
        "timestamp": {"type": "date", "format": "date_optional_time"},
        **{name: {"type": "keyword"} for name in ("interval", "scope", "scope_id", "dimension")},
        **{name: {"type": "object", "enabled": False} for name in ("rows", "other")},
    }
}


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    """Only what queries need: an engine."""
    return {"SEARCH_HOSTS": [engine_url], "SEARCH_INDEX_PREFIX": index_prefix, **cache_config}


@pytest.fixture(autouse=True)
def records(app, search_client, index_prefix):
    """A record and a community, and aggregations that have counted up to now."""
    set_bookmarks(search_client, index_prefix, NOW)
    search_client.index(
        index=f"{index_prefix}stats-bookmarks", id="usage-breakdown-agg", body={"date": NOW.isoformat()}, refresh=True
    )
    state = app.extensions["invenio-stats"]
    known = Records({"a1": "a", "a2": "a"}, communities={"x": "physics"})
    state.access, state.item_metadata = known, known.describe
    return known


@pytest.fixture
def put(search_client, index_prefix):
    """Return `put(month, rows, other, ...)`: store a folded month."""

    def store(month, rows, other=(0, 0), dimension="country", scope="repository", scope_id=None, interval="month"):
        index = f"{index_prefix}stats-usage-breakdown-{month[:4]}"
        if not search_client.indices.exists(index=index):
            body = {"mappings": MAPPING, "aliases": {f"{index_prefix}stats-usage-breakdown": {}}}
            search_client.indices.create(index=index, body=body)
        document = {
            "timestamp": f"{month}-01T00:00:00",
            "interval": interval,
            "scope": scope,
            "dimension": dimension,
            "rows": [
                {**({"value": value} if value else {}), "investigations": investigations, "requests": requests}
                for value, investigations, requests in rows
            ],
            "other": {"investigations": other[0], "requests": other[1]},
        }
        if scope_id:
            document["scope_id"] = scope_id
        search_client.index(
            index=index, id=f"{dimension}:{scope}:{scope_id}-{month}-{interval}", body=document, refresh=True
        )

    return store


@pytest.fixture
def used(search_client, index_prefix):
    """Return `used(totals)`: store the usage that breakdowns are of."""
    return Totals(search_client, index_prefix).write_usage


def ask(name, now=NOW, **params):
    entry = USAGE_QUERIES[name]
    return entry["cls"](name=name, clock=lambda: now, **entry["params"]).run(**params)


def numbers(answer):
    return {name: answer[name] for name in ("rows", "other", "unknown", "not_shown")}


def test_months_are_folded_each_and_then_added(used, put):
    used([usage("2025-11-02", "a1", "a", views=100)])
    put("2026-09", [("DE", 9, 3), ("", 6, 0)], (4, 1))
    put("2026-10", [("CH", 7, 7), ("DE", 5, 0)])
    put("2026-10", [("secret", 2, 2)], interval="day")
    put("2026-10", [("example.org", 12, 7)], dimension="referrer")
    assert ask("repository-countries", **{"from": "2026-09", "to": "2026-10"}) == {
        "query": "repository-countries",
        "params": {"from": "2026-09-01", "to": "2026-10-31"},
        "from": "2026-09-01",
        "to": "2026-10-31",
        "updated": "2026-11-12T09:30:00+00:00",
        "complete": True,
        "gaps": [],
        "rules": "COUNTER 5.1",
        "rows": [{"value": "CH", "views": 0, "downloads": 7}, {"value": "DE", "views": 11, "downloads": 3}],
        "other": {"views": 3, "downloads": 1},
        "unknown": {"views": 6, "downloads": 0},
        "not_shown": [],
    }
    hosts = ask("repository-hosts", **{"from": "2026-10", "to": "2026-10"})
    assert hosts["rows"] == [{"value": "example.org", "views": 5, "downloads": 7}]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        pytest.param({}, ("2025-11-01", "2026-10-31"), id="twelve months"),
        pytest.param({"from": "2026-09-02", "to": "2026-11-12"}, ("2026-10-01", "2026-10-31"), id="days"),
        pytest.param({"period": "year"}, ("2026-01-01", "2026-10-31"), id="running year"),
        pytest.param({"period": "all"}, ("2025-10-01", "2026-10-31"), id="all, from the middle of a month"),
        pytest.param({"period": "30d"}, (None, None), id="no whole month"),
        pytest.param({"from": "2026-11-01"}, (None, None), id="running month"),
    ],
)
def test_an_answer_is_for_whole_finished_months(used, put, params, expected):
    used([usage("2025-10-15", "a1", "a", views=1)])
    answer = ask("repository-countries", **params)
    assert (answer["from"], answer["to"]) == expected


def test_a_month_that_was_not_folded_is_in_other_and_named(used, put):
    used([usage("2026-08-02", "a1", "a", views=2, downloads=3), usage("2026-09-02", "a2", "a", views=60)])
    put("2026-09", [("DE", 60, 0)], scope="record", scope_id="a")
    put("2026-10", [], (70, 10), scope="record", scope_id="a")
    for record in ("a", "a1", "a2"):
        assert numbers(ask("record-countries", record=record)) == {
            "rows": [{"value": "DE", "views": 60, "downloads": 0}],
            "other": {"views": 62, "downloads": 13},
            "unknown": {"views": 0, "downloads": 0},
            "not_shown": ["2026-08", "2026-10"],
        }


def test_a_community_has_its_own(used, put):
    used([usage("2025-10-02", "a1", "a", ["x"], views=100)])
    put("2026-10", [("DE", 5, 0)], scope="community", scope_id="x")
    put("2026-10", [("CH", 5, 0)], scope="community", scope_id="y")
    assert ask("community-countries", community="physics")["rows"] == [{"value": "DE", "views": 5, "downloads": 0}]


def test_a_single_version_has_none():
    with pytest.raises(InvalidRequestInputError):
        ask("record-countries", record="a1", versions="this")


def test_days_before_item_usage_are_a_gap(used, put):
    used([usage("2026-10-01", "a1", "a", views=1)])
    answer = ask("repository-countries", **{"from": "2026-09", "to": "2026-10"})
    assert [(gap["from"], gap["to"], gap["reason"]) for gap in answer["gaps"]] == [
        ("2026-09-01", "2026-09-30", "before_item_usage")
    ]
    assert not answer["complete"]


def test_an_answer_waits_for_its_breakdowns(used, put, search_client, index_prefix, app):
    used([usage("2025-10-01", "a1", "a", views=1)])
    bookmark = {"date": (NOW - timedelta(days=20)).isoformat()}
    search_client.index(index=f"{index_prefix}stats-bookmarks", id="usage-breakdown-agg", body=bookmark, refresh=True)
    app.extensions.pop("invenio-stats-completeness", None)
    assert not ask("repository-countries")["complete"]


MONTHS = ("2026-06", "2026-07", "2026-08", "2026-09", "2026-10")
days = st.dictionaries(
    st.sampled_from(["DE", "CH", "FR", "IT", ""]), st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 7))
)


@examples(0.5)
@given(
    use=st.lists(st.lists(days, min_size=1, max_size=3), min_size=5, max_size=5),
    ranges=st.tuples(*[st.tuples(st.integers(0, 4), st.integers(0, 4)).map(sorted)] * 2),
)
def test_no_difference_of_two_answers_shows_a_folded_value(used, put, search_client, index_prefix, use, ranges):
    """What a visitor can find by subtracting is, in each month, a value that was shown or at least two together."""
    search_client.delete_by_query(
        index=f"{index_prefix}stats-usage-breakdown*", body={"query": {"match_all": {}}}, refresh=True
    )
    used([usage("2026-06-01", "a1", "a", views=1)])
    hidden = []
    for month, of_days in zip(MONTHS, use, strict=True):
        counted = Month()
        for day in of_days:
            for value, (views, downloads, visitors) in day.items():
                counted.add(Row(value, Use(views + downloads, downloads), visitors))
        folded = fold(counted, under=5, at_most=1_000)
        rows = [(row.get("value"), row["investigations"], row["requests"]) for row in write_rows(folded.rows, False)]
        put(month, rows, folded.other)
        hidden.append(counted.rows.keys() - {row.value for row in folded.rows})
    first, second = (ask("repository-countries", **{"from": MONTHS[start], "to": MONTHS[end]}) for start, end in ranges)
    only = [set(range(start, end + 1)) for start, end in ranges]
    for value in ("DE", "CH", "FR", "IT"):
        found = [{row["value"]: row for row in answer["rows"]}.get(value, {}) for answer in (first, second)]
        for metric in ("views", "downloads"):
            difference = found[0].get(metric, 0) - found[1].get(metric, 0)
            # The difference is that of the months in which the value is shown, and of no other.
            shown = [
                sum(
                    counts[value][1 if metric == "downloads" else 0]
                    for month in months
                    for counts in use[month]
                    if value in counts and value not in hidden[month]
                )
                for months in only
            ]
            assert difference == shown[0] - shown[1]
    for month in set.symmetric_difference(*only):
        of_month = {value for day in use[month] for value in day}
        assert len(hidden[month]) != 1 or len(of_month) == 1
