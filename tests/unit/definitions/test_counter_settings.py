"""A mistake in a STATS_COUNTER_* setting stops the start, with the place, the value and the cure."""

import re

import pytest

from invenio_stats.core.customers import Customer, parse_range
from invenio_stats.definitions.counter_settings import parse_access_types, parse_customers
from invenio_stats.errors import ConfigurationError

WHERE = "STATS_COUNTER_CUSTOMERS"


def customer(customer_id="a", **fields):
    """Return an entry."""
    return {"customer_id": customer_id, "name": f"Library {customer_id}", **fields}


def test_customers_are_read():
    ror = {"ROR": ["00hx57361"]}
    entries = [customer(institution_id=ror, ranges=["192.0.2.0/24"], members=["b"]), customer("b")]
    customers = parse_customers(WHERE, entries)
    assert list(customers.by_id.values()) == [
        Customer("a", "Library a", {"ROR": ("00hx57361",)}, (parse_range("192.0.2.0/24"),), ("b",)),
        Customer("b", "Library b"),
    ]


def test_ranges_may_hold_each_other():
    entries = [customer(ranges=["192.0.2.0/24", "192.0.2.0/24"]), customer("b", ranges=["192.0.2.0/25"])]
    assert parse_customers(WHERE, entries).find_id("192.0.2.1") == "b"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"a": {}}, "STATS_COUNTER_CUSTOMERS is {'a': {}}. Make it a list", id="no list"),
        pytest.param(["a"], "[0] is 'a'. Make it a dict", id="no dict"),
        pytest.param([customer(name="A\nB")], "[0]['name'] is 'A\\nB'. Take out line breaks", id="two lines"),
        pytest.param([{"customer_id": "a"}], "[0]['name'] is None. Set it to a text", id="no name"),
        pytest.param([customer(17)], "[0]['customer_id'] is 17. Set it to a text", id="a number"),
        pytest.param([customer(" a")], "[0]['customer_id'] is ' a'", id="blanks"),
        pytest.param([customer(), customer()], "[1]['customer_id'] is 'a', which an entry before it has", id="twice"),
        pytest.param([customer("0" * 16)], "which stands for all usage. Choose another id", id="the world"),
        pytest.param([customer(range=[])], "[0] has unknown keys ['range']. Known ones: customer_id", id="unknown key"),
        pytest.param([customer(ranges="192.0.2.0/24")], "['ranges'] is '192.0.2.0/24'. Make it a list", id="one range"),
        pytest.param(
            [customer(ranges=["192.0.2.1/24"])],
            "[0]['ranges'][0] is '192.0.2.1/24', which is no address range. Write it as '192.0.2.0/24'",
            id="bits behind the prefix",
        ),
        pytest.param([customer(ranges=["campus"])], "[0]['ranges'][0] is 'campus'", id="a name"),
        pytest.param([customer(ranges=[7])], "[0]['ranges'][0] is 7. Set it to a text", id="no text"),
        pytest.param(
            [customer(ranges=["192.0.2.0/24"]), customer("b", ranges=["::ffff:192.0.2.0/120"])],
            "'a' and 'b' have the same range 192.0.2.0/24. Leave it to one of them",
            id="the same range",
        ),
        pytest.param([customer(members=["b"])], "'a' has the member 'b', which is not the id of another", id="member"),
        pytest.param([customer(members=["a"])], "'a' has the member 'a'", id="its own member"),
        pytest.param([customer(institution_id="00hx57361")], "['institution_id'] is '00hx57361'. Make it", id="id"),
        pytest.param([customer(institution_id={"GRID": ["1"]})], "['GRID'] is no namespace of COUNTER", id="namespace"),
    ],
)
def test_a_wrong_customer_stops_the_start(value, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)) as error:
        parse_customers(WHERE, value)
    assert WHERE in str(error.value)


def test_a_status_that_the_table_leaves_out_has_its_default():
    assert parse_access_types("T", {"closed": "Open", "registered": "Free_To_Read"}) == {
        "open": "Open",
        "embargoed": "Controlled",
        "restricted": "Controlled",
        "closed": "Open",
        "metadata-only": "Open",
        "registered": "Free_To_Read",
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "T is None. Make it a dict"),
        ({"open": "open"}, "T['open'] is 'open'. Set it to one of: Open, Free_To_Read, Controlled."),
        ({7: "Open"}, "T has the key 7. Write an access status as a text"),
        ({"open": ["Open"]}, "T['open'] is ['Open']"),
    ],
)
def test_a_wrong_access_type_stops_the_start(value, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        parse_access_types("T", value)
