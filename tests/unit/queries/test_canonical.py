"""Values of parameters have one written form, and numbers equal it however they are written."""

import json
import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.queries.canonical import MAX_NUMBER, NumberText, canonical, is_other_spelling
from invenio_stats.support.json_codec import encode

SPELLINGS = ["07", "+7", "7.0", "7.", "7e0", "70e-1", " 7", "7\t", "\x007", "7f", "7D", "0x7p0", "0x1.cP2", "\u0667"]
TEXTS = [
    "abc12-3de45",
    "12345-6e789",
    "2026-01-01",
    "7 8",
    "",
    "\u00a07",
    "e7",
    "0x7",
    "0xp1",
    "0x.p1",
    "0x1p\u0667",
    "7,0",
    "1_000",
    "true",
    "-",
    ".",
]


@pytest.mark.parametrize(
    ("value", "text"), [(42, "42"), (42.0, "42"), (-0.0, "0"), (7.5, "7.5"), (1e-7, "1e-07"), (2**62, str(2**62))]
)
def test_a_number_has_the_text_of_its_shortest_form(value, text):
    assert json.dumps(canonical(value)) == json.dumps(text)
    assert canonical(value) == value == canonical(text)
    assert not is_other_spelling(text)


@pytest.mark.parametrize("text", SPELLINGS)
def test_another_spelling_stays_as_it_is_and_equals_its_number(text):
    value = canonical(text)
    assert (value, str(value)) == (text, text)
    assert value == 7
    assert value != "7"
    assert is_other_spelling(text)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e999", "9" * 30, "-0", "1" * 5000, "0x1p1024", "-0X.8P+99999"])
def test_what_no_field_of_whole_numbers_has_is_another_spelling(text):
    assert is_other_spelling(text)
    assert canonical(text) == text


@pytest.mark.parametrize("text", TEXTS)
def test_other_texts_are_no_numbers(text):
    assert type(canonical(text)) is str
    assert not is_other_spelling(text)


@pytest.mark.parametrize("value", [None, True, False, {"a": 1}, MAX_NUMBER, float("inf")])
def test_what_cannot_filter_stays_as_it_is(value):
    assert canonical(value) is value


def test_lists_and_uuids_are_texts_too():
    identifier = UUID("7d3e5f70-0000-4000-8000-000000000000")
    assert canonical((1, "1", 2.0, True, identifier)) == ["1", "1", "2", True, str(identifier)]


def test_a_number_text_is_a_text_for_everybody_else():
    value = canonical(7)
    assert value in {"7"}
    assert [value == other for other in ("7", 7, 7.0, "8", 8, None)] == [True, True, True, False, False, False]
    assert canonical("1") != True  # noqa: E712
    assert encode({"a": value}) == b'{"a":"7"}'
    assert int(value) == 7


def test_a_long_text_takes_no_long_time():
    start = time.process_time()
    for text in ("1" * 1_000_000 + "x", "0x" + "1" * 1_000_000, " " * 1_000_000, "1." * 500_000):
        canonical(text)
    assert time.process_time() - start < 1


@given(st.integers(-MAX_NUMBER, MAX_NUMBER - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text())
def test_the_canonical_form_is_its_own_canonical_form(value):
    once = canonical(value)
    assert canonical(once) == once
    assert type(canonical(once)) is type(once)
    if isinstance(once, NumberText) and not isinstance(value, str):
        assert once == value
        assert not is_other_spelling(once)
