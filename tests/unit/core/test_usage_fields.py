"""The fields of COUNTER's reports are complete, and have COUNTER's values only."""

import pytest

from invenio_stats.core.access_types import DEFAULT_ACCESS_TYPES, access_type_of
from invenio_stats.core.usage_fields import complete_usage, find_unknown_value


@pytest.mark.parametrize(
    ("status", "access_type"),
    [
        ("open", "Open"),
        ("embargoed", "Controlled"),
        ("restricted", "Controlled"),
        ("closed", "Controlled"),
        ("metadata-only", "Open"),
        ("of a kind of one's own", "Open"),
        (None, "Open"),
        (["open"], "Open"),
    ],
)
def test_an_access_status_has_counters_access_type(status, access_type):
    assert access_type_of(DEFAULT_ACCESS_TYPES, status) == access_type


@pytest.mark.parametrize(
    ("event", "completed"),
    [
        pytest.param({}, {}, id="no item"),
        pytest.param({"item_id": "I"}, {"item_id": "I", "parent_id": "I"}, id="its own parent"),
        pytest.param({"item_id": "I", "parent_id": "P"}, {"item_id": "I", "parent_id": "P"}, id="parent"),
        pytest.param(
            {"item_id": "I", "parent_recid": "P"}, {"item_id": "I", "parent_recid": "P", "parent_id": "P"}, id="rdm"
        ),
        pytest.param({"access_method": "Regular"}, {}, id="regular"),
        pytest.param({"access_method": "TDM"}, {"access_method": "TDM"}, id="mining"),
    ],
)
def test_an_event_with_an_item_has_a_parent_and_regular_use_no_method(event, completed):
    complete_usage(event)
    assert event == completed


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"access_type": "Free_To_Read", "access_method": "TDM"}, None),
        ({"access_type": None, "access_method": None}, None),
        ({"access_type": "open"}, "access_type"),
        ({"access_type": ["Open"]}, "access_type"),
        ({"access_method": "tdm"}, "access_method"),
        ({"item_id": "é😀", "parent_id": 7, "size": 2**52}, None),
        ({"item_id": ["a", "b"]}, "item_id"),
        ({"item_id": True}, "item_id"),
        ({"item_id": "half a character: \ud83d"}, "item_id"),
        ({"item_id": "a", "parent_id": 1.5}, "parent_id"),
        ({"size": 10**30}, None),
    ],
)
def test_a_value_that_no_total_can_hold_is_found(event, field):
    assert find_unknown_value(event) == field
