"""The engine's own snapshots: what docs/running shows brings everything back."""

import uuid

import pytest

from tests.fixtures.counting import EVENTS, TOTALS


@pytest.fixture
def repository(real_engine_url, search_client, index_prefix):
    """A directory that the node may write snapshots to; relative to the one it was started with."""
    name = f"{index_prefix}{uuid.uuid4().hex[:4]}"
    search_client.snapshot.create_repository(name, body={"type": "fs", "settings": {"location": name}})
    yield name
    for snapshot in search_client.snapshot.get(repository=name, snapshot="_all")["snapshots"]:
        search_client.snapshot.delete(repository=name, snapshot=snapshot["snapshot"])
    search_client.snapshot.delete_repository(name)


def test_a_snapshot_brings_events_totals_aliases_and_bookmarks_back(
    repository, raw, month, aggregator, counts, refresh, search_client, index_prefix
):
    """Also of months that were made one index, whose days are aliases."""
    month.compact()
    raw.put(day="2026-03-10", session="s1", index=f"{EVENTS}-2026-03-10")
    refresh()
    aggregator().run()
    before = month.documents(), counts(), month.indices()

    patterns = f"{index_prefix}events-stats-*,{index_prefix}stats-*"
    body = {"indices": patterns, "include_global_state": False}
    search_client.snapshot.create(repository, "stats-1", body=body, wait_for_completion=True)
    raw.put(day="2026-03-11", session="s2", index=f"{EVENTS}-2026-03-11")  # comes too late for it
    search_client.indices.delete(index=f"{index_prefix}*")
    answer = search_client.snapshot.restore(repository, "stats-1", body=body, wait_for_completion=True)

    assert answer["snapshot"]["shards"]["failed"] == 0
    assert (month.documents(), counts(), month.indices()) == before
    assert len(search_client.indices.get_alias(name=f"{index_prefix}{TOTALS}")) == 2
    assert not any(written for written, _ in aggregator().run())
