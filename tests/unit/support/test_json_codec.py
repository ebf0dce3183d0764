"""Encoding and decoding are inverse for all encoders, and invalid JSON is an error."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.support.json_codec import decode, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None)),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_what_is_encoded_comes_back(thing):
    assert decode(encode(thing)) == thing
    assert decode(json.dumps(thing).encode()) == thing


@pytest.mark.parametrize(
    "number", [2**63, 2**64 - 1, 2**64, -(2**63) - 1, -9223372036854775809, 10**40, 1.5e19, 0.1234567890123456789]
)
@pytest.mark.parametrize(
    "within", [lambda number: number, lambda number: [[1, number]], lambda number: {"a": number, "b": "\ud800"}]
)
def test_a_number_of_any_size_comes_back_as_it_was(number, within):
    for text in (encode(within(number)), json.dumps(within(number)).encode()):
        assert decode(text) == within(number)
        assert repr(decode(text)) == repr(within(number))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("within", [lambda value: {"a": value}, lambda value: {"a": [1, {"b": value}], "c": None}])
def test_what_is_no_number_stays_what_it_is(number, within):
    """The engine refuses it; as nothing it would be taken, and the number be missing."""
    assert encode(within(number)) == json.dumps(within(number), separators=(",", ":")).encode()
    assert str(decode(encode(within(number)))) == str(within(number))


def test_what_is_no_json_is_made_by_default_or_refused():
    assert encode({"a": Decimal("1.5")}, float) == b'{"a":1.5}'
    for wrong in (object(), {"a": {1, 2}}):
        with pytest.raises(TypeError):
            encode(wrong)
    endless = []
    endless.append(endless)
    with pytest.raises((ValueError, RecursionError)):
        encode(endless)
    with pytest.raises(ValueError, match="Expecting"):
        decode(b"{")
