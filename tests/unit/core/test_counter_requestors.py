"""Requestors of the COUNTER API are recognised by hashes of their keys."""

import pytest

from invenio_stats.core.counter_requestors import (
    Requestor,
    find_by_api_key,
    find_by_requestor_id,
    hash_key,
    make_key,
)
from invenio_stats.core.customers import THE_WORLD, Customer

CUSTOMERS = {
    customer.customer_id: customer
    for customer in (
        Customer("u1", "One"),
        Customer("u2", "Two", members=("u1",)),
        Customer("c", "A consortium", members=("u2", "c2")),
        Customer("c2", "Another, in a circle", members=("c",)),
        Customer("x", "Somebody else"),
    )
}


def requestor(name="r", customers=("u1",), key="", **fields):
    return Requestor(name, customers, hash_key(f"{name}-id"), hash_key(key) if key else "", **fields)


def test_keys_are_32_random_bytes():
    keys = {make_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {43}  # base64 without padding


def test_what_is_stored_comes_back():
    known = requestor(customers=("u1", "u2"), key="k", has_countries=True, created="2026-01-01T00:00:00+00:00", id="1")
    assert Requestor.from_source({**known.as_source(), "of a later release": 1}, "1") == known


@pytest.mark.parametrize(
    ("customers", "permitted"),
    [
        (("u1",), {"u1", THE_WORLD}),
        (("u2",), {"u1", "u2", THE_WORLD}),
        (("c",), {"u1", "u2", "c", "c2", THE_WORLD}),
        (("all",), {*CUSTOMERS, THE_WORLD}),
        (("gone",), {THE_WORLD}),
        (("all", "u1"), {"u1", THE_WORLD}),
    ],
)
def test_members_belong_to_their_customer(customers, permitted):
    known = requestor(customers=customers)
    asked = [*CUSTOMERS, THE_WORLD, "gone", "all", ""]
    assert {customer for customer in asked if known.may_ask(customer, CUSTOMERS)} == permitted


def test_each_key_finds_its_requestor():
    known = [requestor(f"r{number}", key=f"key {number}") for number in range(3)]
    assert find_by_requestor_id(known, "r1-id") == known[1]
    assert find_by_api_key(known, "key 2") == known[2]
    assert find_by_requestor_id(known, "key 1") is None
    assert find_by_api_key(known, "r1-id") is None


@pytest.mark.parametrize("key", ["", "nothing", "\x00", "\ud800", "r-id" + "x" * 10_000, hash_key("r-id")])
def test_any_other_key_finds_none(key):
    """A hash, which may be read in the index, is no key."""
    known = [requestor(), requestor("revoked", revoked="2026-01-01T00:00:00+00:00")]
    assert find_by_requestor_id(known, key) is None
    assert find_by_api_key(known, key) is None
    assert find_by_requestor_id(known, "revoked-id") is None
