"""The daily indices of a closed month become one index, and no search sees a difference."""

import time
from datetime import datetime, timezone

import pytest
from invenio_search.engine import search

from invenio_stats.core import names
from invenio_stats.core.mappings import NOT_HIDDEN
from invenio_stats.errors import CompactionError, EngineUnavailableError
from invenio_stats.operations.compaction.plans import plans
from invenio_stats.processing.event_store import EventStore
from invenio_stats.processing.month_indices import abandon_stale
from tests.fixtures.clicks import make_click
from tests.fixtures.months import EVENT, FRESH, NOW, Killed, later

ONE = {"2026-01": ["2026-01-01", "2026-01-03"]}


def test_the_days_of_a_closed_month_become_one_index(month):
    before = month.documents()
    (done,) = month.compact()
    assert month.indices() == ONE
    assert (done.index, done.replaced, done.documents, done.doubled) == (month.name, 2, 3, 0)
    assert month.documents() == before
    assert "index.blocks.write" not in month.settings(month.name)
    assert month.settings(month.name).get("index.hidden") in (None, "false")
    aliases = month.client.indices.get_alias(index=month.name)[month.name]["aliases"]
    assert aliases[month.alias] == {"filter": NOT_HIDDEN}
    assert aliases[month.day(1)] == {}


def test_doing_it_again_does_nothing(month):
    month.compact()
    assert list(plans(month.client, [EVENT], NOW)) == []
    assert month.indices() == ONE


def test_a_month_that_is_not_closed_stays_as_it_is(month):
    assert month.compact(now=FRESH) == []
    assert sorted(month.indices()) == ["2026-01-01", "2026-01-03"]


def test_a_search_finds_every_event_once_at_any_moment(month, requests_sent):
    """By the alias and by a pattern; the aggregations read the one, a dashboard of the engine the other."""
    seen = []
    requests_sent.before = lambda: seen.append(month.found())
    month.compact()
    assert len(seen) > 15
    assert seen == [[3, 3]] * len(seen)
    assert month.found() == [3, 3]


@pytest.mark.parametrize("day", [1, 2], ids=["a day with an index", "a day without one"])
def test_late_events_go_to_the_right_index_before_during_and_after(month, requests_sent, day):
    """Those that come in between have to come back; none is lost or counted twice."""
    month.write(day, "before", now=NOW)
    stored, refused = [], 0

    def write_late():
        nonlocal refused
        try:
            month.write(day, f"during-{requests_sent.number}", now=NOW)
        except (EngineUnavailableError, search.exceptions.AuthorizationException):  # 403, a write block
            refused += 1
        else:
            stored.append(f"during-{requests_sent.number}")

    requests_sent.before = write_late
    month.compact()
    requests_sent.before = None
    month.write(day, "after", now=NOW)
    month.compact()
    assert refused
    assert stored
    assert month.documents().keys() == {"a", "b", "c", "before", "after", *stored}
    assert month.found() == [5 + len(stored)] * 2
    month.compact()
    assert len(month.indices()) == 1


def test_late_events_of_a_month_without_any_index_make_one_for_the_month(search_client, month):
    month.compact()
    month.write(17, "late", now=NOW)
    assert month.indices() == {"2026-01": ["2026-01-01", "2026-01-03", "2026-01-17"]}


def test_a_month_that_has_an_index_already_gets_another_one_under_its_name(month, search_client):
    """After a switch from monthly indices: an event that both kinds hold counts once, and its total is counted anew."""
    search_client.indices.create(index=month.name)
    for document_id, day in (("m", 7), ("b", 1)):
        document = {"timestamp": f"2026-01-{day:02}T10:00:00", "updated_timestamp": "2026-01-01T00:00:00+00:00"}
        search_client.create(index=month.name, id=document_id, body={**document, "unique_id": f"recid_{day}"})
    assert month.found() == [5, 5]
    (done,) = month.compact()
    assert month.indices() == {"2026-01.2": ["2026-01", "2026-01-01", "2026-01-03"]}
    assert (done.documents, done.doubled, done.replaced) == (4, 1, 3)
    assert month.found() == [4, 4]
    documents = month.documents()
    assert documents["b"]["visitor_id"] == "b"  # the one that was written last
    assert documents["b"]["updated_timestamp"] == NOW.isoformat()
    assert documents["a"]["updated_timestamp"] != NOW.isoformat()

    month.write(20, "late", now=NOW)
    month.write(3, "later", now=NOW)
    assert list(month.indices()) == ["2026-01.2"]
    assert month.found() == [6, 6]


def test_fields_that_some_days_know_are_mapped_in_the_month(month, search_client):
    search_client.indices.put_mapping(index=month.day(1), body={"properties": {"extra": {"type": "keyword"}}})
    month.compact()
    mapping = search_client.indices.get_mapping(index=month.name)[month.name]["mappings"]
    assert mapping["properties"]["extra"] == {"type": "keyword"}
    assert mapping["dynamic"] == "false"


def test_days_of_an_older_release_and_lean_ones_become_a_lean_month(month, search_client):
    """The day of the older release has every field indexed and with doc values."""
    day, lean = month.day(1), search_client.indices.get_mapping(index=month.day(3))[month.day(3)]["mappings"]
    aliases = {month.alias: {"filter": NOT_HIDDEN}}
    search_client.indices.refresh(index=day)
    documents = [(hit["_id"], hit["_source"]) for hit in search_client.search(index=day)["hits"]["hits"]]
    search_client.indices.delete(index=day)
    full = {
        name: {option: value for option, value in field.items() if option not in ("index", "doc_values")}
        for name, field in lean["properties"].items()
    }
    body = {"settings": {"index.codec": "default"}, "mappings": {**lean, "properties": full}, "aliases": aliases}
    search_client.indices.create(index=day, body=body)
    for document_id, source in documents:
        search_client.create(index=day, id=document_id, body=source)
    month.compact()
    assert list(month.indices()) == ["2026-01"]
    assert month.found() == [3, 3]
    made = search_client.indices.get_mapping(index=month.name)[month.name]["mappings"]["properties"]
    assert {name: made[name] for name in lean["properties"]} == lean["properties"]
    assert month.settings(month.name)["index.codec"] == "best_compression"


def test_days_that_contradict_each_other_stay_as_they_are(month, search_client):
    search_client.indices.put_mapping(index=month.day(1), body={"properties": {"extra": {"type": "keyword"}}})
    search_client.indices.put_mapping(index=month.day(3), body={"properties": {"extra": {"type": "long"}}})
    with pytest.raises(CompactionError, match="'extra' is 'keyword' on one day and 'long' on another"):
        month.compact()
    assert_as_before(month)


def assert_as_before(month):
    assert month.indices() == {"2026-01-01": [], "2026-01-03": []}
    assert month.found() == [3, 3]
    assert not [day for day in (1, 3) if "index.blocks.write" in month.settings(month.day(day))]


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda client, index: client.delete(index=index, id="a", refresh=True), id="one is missing"),
        pytest.param(
            lambda client, index: client.index(index=index, id="a", body={"unique_id": "x"}, refresh=True),
            id="one is another",
        ),
        pytest.param(lambda client, index: client.index(index=index, id="z", body={}, refresh=True), id="one is new"),
    ],
)
def test_a_copy_that_differs_drops_no_day(month, search_client, harm):
    calls = []

    def on_copied(documents):
        calls.append(documents)
        if sum(calls) == 3 and len(calls) == 2:  # all are copied, none is compared
            harm(search_client, month.name)

    with pytest.raises(CompactionError, match="differs"):
        month.compact(on_copied=on_copied)
    assert_as_before(month)
    month.compact()
    assert month.indices() == ONE


def test_a_day_that_somebody_opened_for_writing_is_not_dropped(month, search_client):
    def on_copied(documents):
        search_client.indices.put_settings(index=month.day(1), body={"index.blocks.write": None})

    with pytest.raises(CompactionError, match="write block of .* was removed"):
        month.compact(on_copied=on_copied)
    assert month.found() == [3, 3]
    month.compact()
    assert month.indices() == ONE


def test_days_that_the_engine_does_not_delete_now_can_be_written_to(month, search_client, monkeypatch):
    """It does not while it makes a snapshot of them; late events need not wait for the next run."""
    before, perform = month.documents(), search_client.transport.perform_request

    def refuse(method, url, *args, **kwargs):
        if "remove_index" in str(kwargs.get("body")):
            raise search.exceptions.RequestError(400, "snapshot_in_progress_exception", {"error": {}, "status": 400})
        return perform(method, url, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(search_client.transport, "perform_request", refuse)
        with pytest.raises(search.exceptions.RequestError, match="snapshot_in_progress"):
            month.compact()
    assert month.documents() == before
    assert sorted(month.indices()) == ["2026-01-01", "2026-01-03"]
    month.write(1, "late", now=NOW)
    (done,) = month.compact()
    assert (month.indices(), done.documents) == (ONE, 4)


def test_of_two_runs_the_later_one_wins_and_the_other_stops(month):
    """It has been taken for dead."""
    state = {"nested": False}

    def on_copied(documents):
        if not state["nested"]:
            state["nested"] = True
            month.compact(now=later(minutes=1))

    with pytest.raises(CompactionError):
        month.compact(on_copied=on_copied)
    assert month.indices() == ONE
    assert month.found() == [3, 3]


def test_a_writer_abandons_a_compaction_whose_owner_is_dead(month, requests_sent):
    requests_sent.cut(15, is_answer_lost=False)
    with pytest.raises(Killed):
        month.compact()
    requests_sent.mend()
    assert abandon_stale(month.client, month.alias, later(minutes=5)) == []
    assert abandon_stale(month.client, month.alias, later(minutes=11)) == [month.name]
    assert_as_before(month)


def test_aliases_of_others_move_along(month, search_client):
    search_client.indices.put_alias(index=month.day(3), name=f"{month.prefix}of-others")
    month.compact()
    assert list(search_client.indices.get_alias(name=f"{month.prefix}of-others")) == [month.name]


def test_a_late_event_is_stored_once_the_maker_of_the_index_is_known_to_be_dead(month, requests_sent, monkeypatch):
    """Until then it is postponed; the day is blocked, and nobody else would open it."""
    requests_sent.cut(15, is_answer_lost=False)
    with pytest.raises(Killed):
        month.compact()
    requests_sent.mend()
    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    def store_late(now):
        store = EventStore(month.client, month.alias, names.DAILY_SUFFIX, 0, None, lambda: now)
        clicks = [make_click(datetime(2026, 1, day, 10, tzinfo=timezone.utc), window=0) for day in (1, 2)]
        return store.store_clicks(clicks)

    assert store_late(later(minutes=5)).postponed == 2
    assert store_late(later(minutes=11)).new == 2
    assert month.found() == [5, 5]
    month.compact(now=later(minutes=12))
    assert list(month.indices()) == ["2026-01"]
    assert month.found() == [5, 5]


def test_plain_actions_wait_for_a_blocked_day_too(month, search_client, monkeypatch):
    """Of an indexer whose class makes its own."""
    search_client.indices.put_settings(index=month.day(1), body={"index.blocks.write": True})
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    store = EventStore(month.client, month.alias, names.DAILY_SUFFIX, 0, None, lambda: NOW)
    action = {"_op_type": "index", "_index": month.day(1), "_id": "z", "_source": {"timestamp": "2026-01-01T10:00:00"}}
    assert store.store_actions([action]).refused[0][1].endswith("2026-01-01: cluster_block_exception")
    search_client.indices.put_settings(index=month.day(1), body={"index.blocks.write": None})
    assert store.store_actions([action]).new == 1
