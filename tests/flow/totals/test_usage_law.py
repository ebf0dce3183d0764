"""After a quiet run, usage totals equal a plain count of the raw events, whatever happened before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.usage import count_items, count_records, plain
from tests.laws import examples

DAYS = ("2026-02-28", "2026-03-01", "2026-03-10")
LAW = examples(0.4)

uses = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["view", "download"]),
        "day": st.sampled_from(DAYS),
        "item": st.sampled_from(["i1", "i2", "j2", None]),
        "session": st.sampled_from(["x", "y", None]),
        "labels": st.sampled_from([["a"], ["a", "b"], None]),
        "access_status": st.sampled_from(["open", "restricted", "metadata-only", None]),
        "access_type": st.sampled_from(["Open", "Free_To_Read", None]),
        "access_method": st.sampled_from(["TDM", None, None]),
        "country": st.sampled_from(["DE", "CH", None]),
        "institution": st.sampled_from(["c1", None, None]),
        "is_robot": st.sampled_from([True, False, False]),
        "is_machine": st.sampled_from([True, False, False]),
    }
)
olds = st.fixed_dictionaries(
    {
        "kind": st.just("old"),
        "day": st.sampled_from(DAYS),
        "recid": st.sampled_from(["i1", "k3"]),
        "parent_recid": st.sampled_from(["p1", "p3"]),
        "unique_session_id": st.sampled_from(["x", "z"]),
    }
)
changes = st.fixed_dictionaries(
    {
        "kind": st.just("change"),
        "number": st.integers(0, 30),
        "fields": st.sampled_from(
            [
                {"superseded": True},
                {"superseded": False},
                {"country": "FR"},
                {"access_type": "Controlled"},
                {"is_robot": True},
                {"labels": ["b"]},
                {"unique_session_id": "w"},
                {"item_id": "i1", "parent_id": "p1"},
                {"item_id": "j2", "parent_id": "p2"},
                {"parent_id": "p9"},
            ]
        ),
    }
)
runs = st.fixed_dictionaries({"kind": st.just("run"), "moves": st.booleans()})
waits = st.fixed_dictionaries({"kind": st.just("wait"), "minutes": st.integers(1, 300)})


@pytest.fixture
def with_recids(usage, search_client, index_prefix):
    """Months whose mapping also has the fields of InvenioRDM's events."""
    fields = {name: {"type": "keyword"} for name in ("recid", "parent_recid")}
    for month in {day[:7] for day in DAYS}:
        for event_type in ("record-view", "file-download"):
            index = f"{index_prefix}events-stats-{event_type}-{month}"
            search_client.indices.create(index=index)
            search_client.indices.put_mapping(index=index, body={"properties": fields})


@pytest.mark.usefixtures("with_recids")
@LAW
@given(
    steps=st.lists(st.one_of(uses, uses, uses, olds, changes, runs, waits), max_size=30),
    page=st.sampled_from([1, 2, 7, 10_000]),
)
def test_usage_totals_equal_a_plain_count(
    usage, usage_aggregator, stored_totals, index_prefix, clock, search_client, steps, page
):
    search_client.indices.refresh(index=f"{index_prefix}*")
    search_client.delete_by_query(index=f"{index_prefix}*", body={"query": {"match_all": {}}}, refresh=True)
    refs = []

    def run(moves=True):
        for name in ("item-usage-agg", "record-usage-agg"):
            usage_aggregator(name, max_bucket_size=page).run(update_bookmark=moves)

    def change(number, fields):
        if refs:
            usage.change(refs[number % len(refs)], **fields)

    actions = {
        "view": lambda **step: refs.append(usage.view(**step)),
        "download": lambda **step: refs.append(usage.download(**step)),
        "old": lambda **step: refs.append(usage.put("record-view", **step)),
        "change": change,
        "run": run,
        "wait": clock.forward,
    }
    for step in steps:
        actions[step["kind"]](**{name: value for name, value in step.items() if name != "kind"})
    run()
    events = [
        ("file-download" if "file-download" in ref["index"] else "record-view", search_client.get(**ref)["_source"])
        for ref in sorted(refs, key=lambda ref: ref["id"])
    ]
    stored = {alias: stored_totals(alias) for alias in ("stats-item-usage", "stats-record-usage")}
    assert {key: plain(total) for key, total in stored["stats-item-usage"].items()} == count_items(events)
    assert {key: plain(total) for key, total in stored["stats-record-usage"].items()} == count_records(events)
