"""Events without an item are left out of the usage of items, and counted by day."""

from datetime import timedelta

import pytest

from invenio_stats.broker import dead_letters
from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.operations.runner import aggregate_one, process_one
from invenio_stats.proxies import current_stats
from tests.fixtures.usage import COUNTER
from tests.flow.test_processors import TODAY, download

DAY = (TODAY - timedelta(days=3)).replace(hour=0, minute=0, second=0)
ITEM = {"item_id": "A", "parent_id": "P", "access_status": "open", "access_type": "Open"}


@pytest.fixture(scope="module")
def aggregations_config(aggregations_config):
    return {**aggregations_config, **USAGE_AGGREGATIONS}


def click(seconds, **fields):
    """Return a download so many seconds after ten o'clock."""
    return download(DAY + timedelta(hours=10, seconds=seconds), **fields)


@pytest.fixture
def count(queues, put_templates, refresh, stored_totals, search_client):
    """Return `count(batches)`: COUNTER's numbers of item A, and of the events without an item."""

    def run(*batches):
        for events in batches:
            current_stats.publish("file-download", events)
            process_one("file-download")
        refresh()
        aggregate_one("item-usage-agg")
        (total,) = stored_totals("stats-item-usage").values()
        assert total["item_id"] == "A"
        lines = ingest_counters.lines(search_client, DAY.date(), DAY.date())
        return tuple(total[name] for name in COUNTER), [line for line in lines if line.reason == "without_item"]

    return run


def test_they_are_left_out_and_not_forgotten(count):
    assert count([click(0, **ITEM), click(600)]) == (
        (1, 1, 1, 1),
        [ingest_counters.Line(DAY.date(), "file-download", "without_item", 1)],
    )


@pytest.mark.parametrize("order", [1, -1])
def test_a_double_click_has_the_item_that_one_of_its_clicks_has(count, order):
    """The clicks are in three cells of the double-click window, each in a batch of its own."""
    clicks = [[click(20, **ITEM)], [click(45)], [click(70)]]
    assert count(*clicks[::order]) == ((1, 1, 1, 1), [])


@pytest.mark.parametrize("wrong", [{"item_id": ["A", "B"]}, {"parent_id": 1.5}])
def test_an_event_that_no_total_can_hold_takes_no_total_with_it(count, queues, wrong):
    """It is a dead letter, and the other event of its item and day counts."""
    assert count([click(0, **ITEM), click(600, **{**ITEM, **wrong})])[0] == (1, 1, 1, 1)
    found = [dead_letter.reason for dead_letter in dead_letters.look(queues["file-download"])]
    assert found == [f"unknown {next(iter(wrong))}"]


def test_a_size_that_no_total_can_hold_is_no_volume(count, stored_totals):
    """The event counts, and the engine does not reject the total of the item and day."""
    assert count([click(0, **ITEM), click(600, **{**ITEM, "size": 10**30})])[0][:2] == (2, 2)
    (total,) = stored_totals("stats-item-usage").values()
    assert (total["downloads"], total["volume"]) == (2, download()["size"])
