"""The usage of one item that has 50,000 sessions and 5,000 rows on a day is exact on a real engine."""

import time

import pytest
from invenio_search.engine import search

from tests.fixtures.usage import COUNTER

SESSIONS, ROWS = 50_000, 5_000
DAY = "2026-03-10"

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("name", ["item-usage-agg", "record-usage-agg"])
def test_an_item_of_50_000_sessions_and_5_000_rows(
    real_engine_url, usage, usage_aggregator, stored_totals, search_client, name
):
    """Each session views and downloads; a change of one event of them gives the same numbers again, but for it."""
    refs = {kind: getattr(usage, kind)(session="s0", country="C0", institution="u0") for kind in ("view", "download")}
    events = (
        {
            "_index": ref["index"],
            "_id": f"{kind}-{number}",
            **source,
            "timestamp": f"{DAY}T{number % 24:02}:{number % 60:02}:00",
            "unique_session_id": f"s{number}",
            "country": f"C{number % 250}",
            "institution": f"u{number % ROWS // 250}",
        }
        for kind, ref in refs.items()
        for source in [search_client.get(**ref)["_source"]]
        for number in range(1, SESSIONS)
    )
    search.helpers.bulk(search_client, events, chunk_size=5000, refresh=True)
    usage.view("i2")
    began = time.monotonic()
    assert usage_aggregator(name).run() == [(2, 0)]
    print(f"{name}: {2 * SESSIONS:,} events of one item: {time.monotonic() - began:.1f} s")  # noqa: T201
    totals = stored_totals("stats-" + name.removesuffix("-agg"))
    total = totals[f"{'i1' if name == 'item-usage-agg' else 'p1'}-{DAY}"]
    assert [total[field] for field in ("views", "downloads", "unique_views", "unique_downloads", "volume")] == [
        *[SESSIONS] * 4,
        10 * SESSIONS,
    ]
    if name == "item-usage-agg":
        assert [total[field] for field in COUNTER] == [2 * SESSIONS, SESSIONS, SESSIONS, SESSIONS]
        assert len(total["rows"]) == ROWS
        assert all([row[field] for field in COUNTER] == [20, 10, 10, 10] for row in total["rows"])
