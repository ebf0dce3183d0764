"""The numbers of many records at once, and the records whose numbers have changed."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.queries.usage.changes import find_changed_records
from invenio_stats.queries.usage.many_records import BATCH_SIZE
from tests.flow.queries.usage_documents import Records, Totals, usage

NAMES = ("views", "unique_views", "downloads", "unique_downloads", "data_volume")
NOTHING = dict.fromkeys(NAMES, 0)


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {"SEARCH_HOSTS": [engine_url], "SEARCH_INDEX_PREFIX": index_prefix, **cache_config}


@pytest.fixture
def written(search_client, index_prefix):
    return Totals(search_client, index_prefix)


@pytest.fixture
def state(app):
    state = app.extensions["invenio-stats"]
    state.access = Records({"a1": "a", "a2": "a", "u1": "u1"})
    return state


def numbers(views, downloads):
    return dict(zip(NAMES, (views, -(-views // 2), downloads, -(-downloads // 2), 10 * downloads), strict=True))


def test_records_have_the_numbers_of_the_version_and_of_all(state, written):
    """Those of 7.x before the first day of item usage, and no day twice."""
    old = {"timestamp": "2025-01-01T00:00:00", "count": 4, "unique_count": 2}
    views = [{**old, "recid": "a1", "parent_recid": "a"}, {**old, "record_id": "u1"}]
    late = {**old, "timestamp": "2026-02-03T00:00:00", "recid": "a1", "parent_recid": "a"}
    written.write("stats-record-view", [*views, late])
    written.write("stats-file-download", [{**old, "volume": 40.0, "recid": "a2", "parent_recid": "a"}])
    written.write_usage([usage("2026-02-03", "a1", "a", views=2), usage("2026-02-04", "a2", "a", downloads=2)])
    found = state.records_stats(["a1", ("a2", "a"), ("u1", "u1"), "unknown", ("unused", "unused")])
    assert found == {
        "a1": {"this_version": numbers(6, 0), "all_versions": {**numbers(6, 6), "unique_downloads": 3}},
        "a2": {"this_version": numbers(0, 6), "all_versions": {**numbers(6, 6), "unique_downloads": 3}},
        "u1": {"this_version": numbers(4, 0), "all_versions": numbers(4, 0)},
        "unused": {"this_version": NOTHING, "all_versions": NOTHING},
    }


def test_a_version_may_have_the_id_of_the_parent(state, written):
    """As the first one of plain records whose later versions name it; a parent alone has the numbers of all."""
    state.access = Records({"f1": "f1", "f2": "f1", "a1": "a"})
    written.write_usage([usage("2026-02-03", item, parent, views=2) for item, parent in state.access.parents.items()])
    for asked in (["f1", "f2", "a"], [("f1", "f1"), ("f2", "f1"), "a"]):
        found = state.records_stats(asked)
        views = {item: (of["this_version"]["views"], of["all_versions"]["views"]) for item, of in found.items()}
        assert views == {"f1": (2, 4), "f2": (2, 4), "a": (2, 2)}


def test_before_anything_is_counted_records_have_zeros(state, search_client):
    assert state.records_stats([("a1", "a")]) == {"a1": {"this_version": NOTHING, "all_versions": NOTHING}}
    assert state.records_stats([]) == {}


def test_any_number_of_records(state, written):
    written.write_usage([usage("2026-02-03", f"i{number}", views=number) for number in range(0, 2 * BATCH_SIZE, 7)])
    found = state.records_stats((f"i{number}", f"i{number}") for number in range(2 * BATCH_SIZE))
    assert len(found) == 2 * BATCH_SIZE
    assert found["i1400"]["all_versions"]["views"] == 1400


def test_records_that_changed_since_a_mark(state, written, search_client):
    written.write_usage([usage(f"2026-02-{day:02}", f"i{day}", f"p{day}") for day in range(1, 8)])
    everything, mark = state.changed_records()
    assert list(everything) == [(f"i{day}", f"p{day}") for day in range(1, 8)]
    assert timedelta(0) < datetime.now(timezone.utc) - mark < timedelta(hours=1)
    since = datetime(2026, 2, 6, 1, tzinfo=timezone.utc)
    assert list(find_changed_records(search_client, since, since, page_size=2)[0]) == [("i6", "p6"), ("i7", "p7")]
    assert list(state.changed_records(mark)[0]) == []


def test_nothing_has_changed_before_anything_is_counted(state, search_client):
    assert list(state.changed_records()[0]) == []
