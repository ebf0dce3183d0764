"""Uses are added up by COUNTER's rules."""

import itertools

import pytest

from invenio_stats.core.access_types import DEFAULT_ACCESS_TYPES, access_type_of
from invenio_stats.core.item_usage import ItemTally, RecordTally
from invenio_stats.core.moments import parse
from invenio_stats.core.usage_fields import key_of

EVENTS = [
    {"timestamp": "2026-01-31T10:00:00", "labels": ["a"], "unique_session_id": "s", "size": 5},
    {"timestamp": "2026-01-31T11:00:00", "labels": ["b"], "unique_session_id": "s", "access_status": "restricted"},
    {"timestamp": "2026-01-31T11:00:00Z", "labels": ["c"], "country": "DE", "access_type": "Free_To_Read"},
]


def add_up(tally, events):
    """Add events, every second of which is a request; ids are given by content, not by position."""
    for event in events:
        number = EVENTS.index(event)
        tally.add(event, str(number), parse(event["timestamp"]), number % 2 == 0)
    return tally.values()


def access_type(status):
    return access_type_of(DEFAULT_ACCESS_TYPES, status)


@pytest.mark.parametrize("kind", [ItemTally, RecordTally])
def test_the_order_of_events_is_of_no_account(kind):
    results = [add_up(kind(access_type), events) for events in itertools.permutations(EVENTS)]
    assert all(result == results[0] for result in results)
    assert results[0]["labels"] == ["c"]


def test_the_unique_numbers_of_an_item_are_the_sums_of_its_rows():
    total = add_up(ItemTally(access_type), EVENTS)
    assert [row["access_type"] for row in total["rows"]] == ["Controlled", "Free_To_Read", "Open"]
    assert total["unique_item_investigations"] == sum(row["unique_item_investigations"] for row in total["rows"]) == 2


def test_a_status_that_is_no_name_of_a_field_has_no_number():
    event = {"timestamp": "2026-01-31T10:00:00", "access_status": "a.b", "size": None}
    tally = RecordTally(access_type)
    tally.add(event, "1", parse(event["timestamp"]), is_request=True)
    assert tally.values()["requests_by_access_status"] == {}
    assert tally.values()["requests_by_access_type"] == {"Open": 1}


@pytest.mark.parametrize(
    ("event", "key"),
    [
        pytest.param({"item_id": "i", "recid": "r"}, "i", id="the first"),
        pytest.param({"item_id": None, "recid": "r"}, "r", id="the second"),
        pytest.param({"item_id": [], "recid": "r"}, "r", id="an empty list"),
        pytest.param({"item_id": ["i", "j"]}, None, id="several"),
        pytest.param({"item_id": 7}, "7", id="a number"),
        pytest.param({}, None, id="none"),
    ],
)
def test_the_first_key_field_that_an_event_has_is_its_key(event, key):
    assert key_of(event, ("item_id", "recid")) == key
