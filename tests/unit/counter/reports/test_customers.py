"""Whose usage a report has, and how its header names the customer."""

from invenio_stats.core.counter_platform import Platform
from invenio_stats.core.customers import THE_WORLD, Customer, Customers
from invenio_stats.counter.reports.customers import Institution, find_institution

PLATFORM = Platform("Example Repository", "example", "Example")


def find(customer_id, *customers):
    return find_institution(Customers(customers), customer_id, PLATFORM)


def test_the_world_is_all_usage():
    assert find(THE_WORLD) == Institution("The World", {"Proprietary": ["example:0000000000000000"]}, None)


def test_a_customer_is_named_by_its_identifiers():
    """In COUNTER's order; the id that was asked for is the first Proprietary one, and what is no identifier is left."""
    identifiers = {
        "Proprietary": ("other:7", "without namespace"),
        "ROR": ("https://ror.org/00hx57361", "nonsense"),
        "ISNI": ("0000 0001 2146 438X",),
        "ISIL": ("DE-1",),
        "OCLC": ("x",),
    }
    assert find("c1", Customer("c1", "One", identifiers)) == Institution(
        "One",
        {
            "ISNI": ["000000012146438X"],
            "ISIL": ["DE-1"],
            "ROR": ["00hx57361"],
            "Proprietary": ["example:c1", "other:7"],
        },
        ("c1",),
    )


def test_a_customer_with_members_has_their_usage():
    """Also that of the members' members; each once, though two have one in common, or each other."""
    customers = [
        Customer("all", "All", members=("east", "west")),
        Customer("east", "East", members=("one", "all")),
        Customer("west", "West", members=("one", "two")),
        Customer("one", "One"),
        Customer("two", "Two"),
        Customer("other", "Other"),
    ]
    assert find("all", *customers).customers == ("all", "east", "one", "two", "west")
    assert find("one", *customers).customers == ("one",)


def test_a_customer_that_is_not_known():
    assert find("nobody", Customer("c1", "One")) is None
