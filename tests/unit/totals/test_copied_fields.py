"""Fields of an event are copied into a total."""

from datetime import datetime, timezone

import pytest

from invenio_stats.totals.copied_fields import Document, copied_fields, copy, plain, value_at

EVENT = {"key": "x", "file": {"size": 3, "type": {"name": "pdf"}}, "a.b": 1, "none": None}


def test_fields_are_attributes_and_items():
    document = Document(EVENT)
    assert document.key == document["key"] == document.get("key") == "x"
    assert document.file.type.name == "pdf"
    assert document.get("missing") is None
    assert document.get("missing", 5) == 5
    with pytest.raises(AttributeError):
        _ = document.missing


@pytest.mark.parametrize(
    ("path", "value"),
    [("key", "x"), ("file.size", 3), ("file.type.name", "pdf"), ("a.b", 1), ("file.x", None), ("key.x", None)],
)
def test_a_field_inside_another_is_found(path, value):
    assert value_at(EVENT, path) == value


def test_only_the_fields_that_are_needed_are_read():
    assert copied_fields({}) == ()
    assert copied_fields({"a": "b", "c": "d.e", "f": "b"}) == ("b", "d.e")
    assert copied_fields({"a": "b", "c": len}) is None


def test_what_is_not_there_is_not_copied():
    copies = {"key": "key", "gone": "gone", "none": "none", "size": lambda event, total: event.file.size * total.count}
    assert copy(copies, EVENT, {"count": 2}) == {"key": "x", "size": 6}


def test_values_are_those_that_come_back_from_the_engine():
    """A total that is compared with what is stored must not differ by its types."""
    moment = datetime(2026, 3, 10, tzinfo=timezone.utc)
    value = {"pair": (1, 2), "set": {"b", "a"}, "when": moment, "deep": Document({"x": [Document({"y": 1})]})}
    assert plain(value) == {
        "pair": [1, 2],
        "set": ["a", "b"],
        "when": "2026-03-10T00:00:00+00:00",
        "deep": {"x": [{"y": 1}]},
    }
