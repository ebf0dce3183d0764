"""A cache that does not answer costs time, never an answer."""

from datetime import datetime, timedelta, timezone

import pytest
from invenio_cache import current_cache

from invenio_stats.contrib.config import USAGE_QUERIES
from invenio_stats.queries import answer_cache
from invenio_stats.queries.batch import QueryRequest, answer_all
from invenio_stats.queries.database import DatabaseQuery
from tests.flow.queries.usage_documents import Records, Totals, set_bookmarks, usage


class Recount(DatabaseQuery):
    """Counts how often the database is asked."""

    asked = 0

    def _ask_database(self, asked):
        self.asked += 1
        return []

    def present(self, asked, rows, now, identity):
        return {"asked": self.asked}


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        **cache_config,
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_QUERIES": {**USAGE_QUERIES, "recount": {"cls": Recount, "params": {}}},
    }


@pytest.fixture
def broken_cache(app, monkeypatch):
    """A backend whose service is down; the times of warnings are those of the test."""
    seconds = [1000.0]

    def refuse(*args, **kwargs):
        raise ConnectionError("Connection refused")

    monkeypatch.setattr(type(current_cache.cache), "get", refuse)
    monkeypatch.setattr(type(current_cache.cache), "set", refuse)
    monkeypatch.setattr(answer_cache, "_warned", float("-inf"))
    monkeypatch.setattr(answer_cache.time, "monotonic", lambda: seconds[0])
    return seconds


@pytest.mark.parametrize("name", ["repository-total", "repository-records", "recount"])
def test_there_is_an_answer_without_the_cache(app, search_client, index_prefix, broken_cache, name):
    app.extensions["invenio-stats"].access = Records({"a1": "a"})
    Totals(search_client, index_prefix).write_usage([usage("2026-10-01", "a1", "a", downloads=3)])
    days = {} if name == "recount" else {"from": "2026-10", "to": "2026-10"}
    answer = answer_all([QueryRequest("q", name, days)])["q"]
    if name == "recount":
        assert answer["asked"] == 1
    else:
        assert answer.get("downloads") == 3 or answer["rows"][0]["downloads"] == 3


def test_it_is_logged_once_a_minute(app, broken_cache, caplog):
    def use():
        assert answer_cache.get("key") is None
        answer_cache.keep("key", 1, 60)
        return caplog.text.count("The cache does not answer")

    assert [use(), use()] == [1, 1]
    broken_cache[0] += 59
    assert use() == 1
    broken_cache[0] += 1
    assert use() == 2


@pytest.mark.parametrize("name", ["record-total", "record-series", "record-versions", "record-countries"])
def test_questions_with_different_answers_have_different_parameters(app, search_client, index_prefix, name):
    """All of the time is compared with nothing, and its first month is whole: not so from the day on that it begins."""
    now = datetime.now(timezone.utc)
    first = (now.replace(day=15) - timedelta(days=100)).replace(day=15).date().isoformat()
    state = app.extensions["invenio-stats"]
    state.access = Records({"a1": "a"})
    state.item_metadata = state.access.describe
    Totals(search_client, index_prefix).write_usage([usage(first, "a1", "a", downloads=3)])
    set_bookmarks(search_client, index_prefix, now)
    everything, since = {"record": "a", "period": "all"}, {"record": "a", "from": first}
    current_cache.clear()
    alone = {}
    for asked in (everything, since):
        alone[str(asked)] = answer_all([QueryRequest("q", name, asked)])["q"]
        current_cache.clear()
    assert alone[str(everything)]["params"] != alone[str(since)]["params"]
    for asked in (everything, since, everything):
        assert answer_all([QueryRequest("q", name, asked)])["q"] == alone[str(asked)]


@pytest.mark.parametrize("name", ["repository-total", "recount"])
@pytest.mark.parametrize("other", ["instance", "release"])
def test_two_instances_and_two_releases_have_answers_of_their_own(
    app, search_client, index_prefix, monkeypatch, name, other
):
    """They may share the cache, and even what else the answer is kept by: the name, the parameters and the hour."""
    current_cache.clear()
    app.extensions["invenio-stats"].access = Records({"a1": "a"})
    totals = Totals(search_client, index_prefix)
    totals.write_usage([usage("2026-10-01", "a1", "a", downloads=3)])
    query = [QueryRequest("q", name, {} if name == "recount" else {"from": "2026-10", "to": "2026-10"})]
    first = answer_all(query)["q"]
    # These totals raise no revision, so only what is kept tells the answers apart.
    totals.write_usage([usage("2026-10-02", "a1", "a", downloads=4)])
    assert answer_all(query)["q"] == first
    if other == "instance":
        monkeypatch.setattr(answer_cache, "own_instance_name", lambda: "another")
    else:
        monkeypatch.setattr(answer_cache, "release", lambda: "another")
    assert answer_all(query)["q"] != first
