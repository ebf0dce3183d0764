"""An index of totals that an operator has closed or blocked holds up its own totals, and no others."""

import pytest

from invenio_stats.totals.leases import quarantined_totals

pytestmark = pytest.mark.expect_logged_errors


def close(client, index):
    client.indices.close(index=index)
    return lambda: client.indices.open(index=index)


def block_reads(client, index):
    client.indices.put_settings(index=index, body={"index.blocks.read": True})
    return lambda: client.indices.put_settings(index=index, body={"index.blocks.read": None})


@pytest.mark.parametrize("refuse", [close, block_reads])
def test_other_months_are_counted_and_this_one_once_it_can_be_read(
    raw, aggregator, counts, search_client, index_prefix, refresh, refuse
):
    raw.put("2026-02-10", "recid_1")
    assert aggregator().run() == [(1, 0)]
    repair = refuse(search_client, f"{index_prefix}stats-record-view-2026-02")
    for day in ("2026-01-10", "2026-02-10", "2026-02-11", "2026-03-10"):
        raw.put(day, "recid_2")
    for written in (1, 0):  # every run tries again what failed, and nothing else is written twice
        results = aggregator().run()
        assert sum(failed for _written, failed in results) == 3  # with that of recid_1, which is as new as the bookmark
        assert sum(written for written, _failed in results) == 2 * written
    assert quarantined_totals(search_client, "record-view-agg") == []
    repair()
    aggregator().run()
    assert counts() == {
        "recid_1-2026-02-10": 1,
        **{f"recid_2-{day}": 1 for day in ("2026-01-10", "2026-02-10", "2026-02-11", "2026-03-10")},
    }
