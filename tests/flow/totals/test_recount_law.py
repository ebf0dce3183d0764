"""After a quiet run, totals equal a plain recount of the raw events, whatever happened before."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.totals import event_details
from tests.laws import examples

DAYS = ("2026-01-31", "2026-02-01", "2026-03-09", "2026-03-10")
LAW = examples(0.4)

events = st.tuples(
    st.just("event"),
    st.sampled_from(DAYS),
    st.sampled_from("abc"),
    st.sampled_from("xyz"),
    st.integers(0, 9),
    st.booleans(),
)
flags = st.tuples(
    st.just("flag"), st.integers(0, 30), st.sampled_from(["superseded", "is_robot", "is_machine"]), st.booleans()
)
runs = st.tuples(st.just("run"), st.booleans())
ranges = st.tuples(st.just("range"), st.sampled_from(DAYS), st.sampled_from([*DAYS, None]), st.booleans())
waits = st.tuples(st.just("wait"), st.integers(1, 300))


def recount(documents):
    """Count in memory what counts."""
    groups = defaultdict(list)
    for document in documents:
        if not (document.get("superseded") or document["is_robot"] or document["is_machine"]):
            groups[f"{document['unique_id']}-{document['timestamp'][:10]}"].append(document)
    return {
        document_id: (
            len(group),
            len({event["unique_session_id"] for event in group}),
            sum(event["size"] for event in group),
        )
        for document_id, group in groups.items()
    }


@pytest.fixture
def sized(raw, search_client, index_prefix):
    """Months whose mapping knows `size`, which record views do not have."""
    for month in {day[:7] for day in DAYS}:
        index = f"{index_prefix}events-stats-record-view-{month}"
        search_client.indices.create(index=index)
        search_client.indices.put_mapping(index=index, body={"properties": {"size": {"type": "long"}}})


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(event_details, "MAX_EVENTS_READ", event_details.MAX_EVENTS_READ)  # to be put back at the end


@pytest.mark.usefixtures("sized", "few")
@LAW
@given(steps=st.lists(st.one_of(events, events, flags, runs, ranges, waits), max_size=25), most_read=st.integers(0, 2))
def test_totals_equal_a_recount(raw, aggregator, stored_totals, index_prefix, clock, search_client, steps, most_read):
    event_details.MAX_EVENTS_READ = most_read  # how many events of a pair are read, and not asked about
    search_client.indices.refresh(index=f"{index_prefix}*")
    search_client.delete_by_query(index=f"{index_prefix}*", body={"query": {"match_all": {}}}, refresh=True)
    params = {
        "metric_fields": {
            "unique_count": ("cardinality", "unique_session_id", {}),
            "size": ("sum", "size", {}),
        },
        "max_bucket_size": 2,
    }
    refs = []
    for kind, *step in steps:
        if kind == "event":
            day, key, session, size, is_robot = step
            refs.append(raw.put(day, key, session, size=size, is_robot=is_robot))
        elif kind == "flag" and refs:
            number, flag, value = step
            raw.change(refs[number % len(refs)], **{flag: value})
        elif kind == "run":
            aggregator(**params).run(update_bookmark=step[0])
        elif kind == "range":
            start, end, moves = step
            aggregator(**params).run(start_date=start, end_date=end, update_bookmark=moves)
        elif kind == "wait":
            clock.forward(minutes=step[0])
    aggregator(**params).run()
    documents = [search_client.get(**ref)["_source"] for ref in refs]
    found = {
        document_id: (total["count"], total["unique_count"], total["size"])
        for document_id, total in stored_totals().items()
    }
    assert found == recount(documents)
