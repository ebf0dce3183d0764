"""Compaction while events arrive and totals are counted: each event counts once."""

import threading
import time
from datetime import datetime, timezone

from invenio_search.engine import SearchEngine

from invenio_stats.core import names
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.processing.event_store import EventStore
from tests.fixtures.clicks import make_click
from tests.fixtures.months import NOW, later


def test_totals_do_not_change_with_the_indices(month, aggregator, counts, requests_sent):
    """Neither after a compaction nor during one, whenever an aggregation runs."""
    aggregator().run()
    before = counts()
    assert before == {"recid_1-2026-01-01": 2, "recid_3-2026-01-03": 1}

    def count():
        if not requests_sent.number % 4:
            assert not any(written for written, _ in aggregator().run())

    requests_sent.before = count
    month.compact()
    requests_sent.before = None
    assert not any(written for written, _ in aggregator().run())
    assert counts() == before


def test_a_total_is_corrected_when_an_event_was_in_two_indices(month, aggregator, counts, search_client, clock):
    search_client.indices.create(index=month.name)
    document = search_client.get(index=month.day(1), id="a")["_source"]
    search_client.create(index=month.name, id="a", body=document)
    month.found()
    aggregator().run()
    assert counts()["recid_1-2026-01-01"] == 3
    clock.forward(hours=1)
    month.compact(now=clock.now)
    clock.forward(hours=1)
    aggregator().run()
    assert counts() == {"recid_1-2026-01-01": 2, "recid_3-2026-01-03": 1}


def test_events_that_arrive_all_the_time_are_stored_once_each(month, app, engine_url):
    """Late ones for days with and without an index, by two workers, while two runs compact one after the other."""
    stored, ended = [], threading.Event()

    def work(worker):
        client = SearchEngine([engine_url])
        number = 0
        with app.app_context():
            while not ended.is_set() or number < 20:
                number += 1
                store = EventStore(client, month.alias, names.DAILY_SUFFIX, 0, None, lambda: NOW)
                moment = datetime(2026, 1, 1 + number % 5, 11, number // 60 % 60, number % 60, tzinfo=timezone.utc)
                click = make_click(moment, window=0, person=f"{worker}-{number}")
                while True:  # as a queue would hand it out again
                    try:
                        stored.append(store.store_clicks([click]).taken)
                        break
                    except EngineUnavailableError:
                        time.sleep(0.01)

    workers = [threading.Thread(target=work, args=(name,), daemon=True) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    for minutes in (1, 2):
        month.compact(now=later(minutes=minutes))
    ended.set()
    for worker in workers:
        worker.join(60)
    month.compact(now=later(minutes=3))
    assert len(month.indices()) == 1
    assert len(stored) >= 40
    assert month.found() == [3 + sum(stored)] * 2
    assert sum(stored) == len(stored)
