"""An event whose item changes between two clicks counts once, although the first one was counted already."""

from datetime import timedelta

import pytest

from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.operations.runner import aggregate_one, process_one
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import TODAY, download

DAY = (TODAY - timedelta(days=3)).replace(hour=0, minute=0, second=0)
A = {"item_id": "A", "parent_id": "P", "access_status": "open", "access_type": "Open"}
B = {**A, "item_id": "B"}
MOVED = {**A, "parent_id": "Q"}


@pytest.fixture(scope="module")
def aggregations_config(aggregations_config):
    return {**aggregations_config, **USAGE_AGGREGATIONS}


@pytest.fixture
def count(queues, put_templates, refresh, stored_totals):
    """Return `count(second, item)`: publish a click, count, and return the downloads by item and by record."""

    def run(second, **item):
        current_stats.publish("file-download", [download(DAY + timedelta(hours=10, seconds=second), **item)])
        process_one("file-download")
        refresh()
        found = []
        for name, alias, key in (
            ("item-usage-agg", "stats-item-usage", "item_id"),
            ("record-usage-agg", "stats-record-usage", "parent_id"),
        ):
            aggregate_one(name)
            found.append({total[key]: total["downloads"] for total in stored_totals(alias).values()})
        return tuple(found)

    return run


@pytest.mark.parametrize("seconds", [(0, 10), (10, 0), (25, 35), (35, 25)])
def test_the_later_click_decides_for_the_item(count, seconds):
    """In one cell of the double-click window and in two, in both orders of arrival."""
    items = dict(zip(sorted(seconds), (A, B), strict=True))
    first, second = seconds
    counted = {name: 1 for name in [items[first]["item_id"]]}
    assert count(first, **items[first]) == (counted, {"P": 1})
    assert count(second, **items[second]) == ({"B": 1}, {"P": 1})


def test_the_later_click_decides_for_the_record(count):
    assert count(0, **A) == ({"A": 1}, {"P": 1})
    assert count(10, **MOVED) == ({"A": 1}, {"Q": 1})
    assert count(20, **A) == ({"A": 1}, {"P": 1})


def test_who_copies_numbers_hears_of_the_item_and_the_record_that_lost_theirs(count, refresh):
    count(0, **A)
    refresh()
    changed, _ = current_stats.changed_records()
    assert set(changed) == {("A", "P")}
    for second, item, pair in ((10, B, ("B", "P")), (20, {**B, "parent_id": "Q"}, ("B", "Q"))):
        before = set(current_stats.changed_records()[0])
        count(second, **item)
        refresh()
        assert set(current_stats.changed_records()[0]) == before | {pair}


def test_an_item_that_a_later_cell_has_from_an_earlier_one_changes_with_it(count):
    assert count(35) == ({}, {})
    assert count(20, **A) == ({"A": 1}, {"P": 1})
    assert count(25, **B) == ({"B": 1}, {"P": 1})


def test_items_that_change_beside_others_leave_these_alone(count):
    assert count(600, **A) == ({"A": 1}, {"P": 1})
    assert count(0, **A) == ({"A": 2}, {"P": 2})
    assert count(10, **B) == ({"A": 1, "B": 1}, {"P": 2})
