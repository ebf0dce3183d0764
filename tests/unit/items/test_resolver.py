"""The item of a view or download is found for the records that repositories have."""

from types import SimpleNamespace

from flask import Flask

from invenio_stats.items.resolver import Item, item_fields, resolve_item


class PlainRecord(dict):
    """A record of invenio-records."""

    id = "0b5b"


RDM_RECORD = SimpleNamespace(
    id="0b5b",
    pid=SimpleNamespace(pid_value="abcde-12345"),
    parent=SimpleNamespace(pid=SimpleNamespace(pid_value="parent-1"), communities=SimpleNamespace(ids=["c2", "c1"])),
    access=SimpleNamespace(status=SimpleNamespace(value="embargoed")),
)


def test_a_plain_record_is_understood():
    record = PlainRecord(communities=["physics", "bees"], access_right="open")
    assert resolve_item(record=record) == Item("0b5b", ["bees", "physics"], "open")


def test_an_rdm_record_is_understood():
    assert resolve_item(record=RDM_RECORD) == Item("abcde-12345", ["c1", "c2"], "embargoed", "parent-1")


def test_an_rdm_file_leads_to_its_record():
    assert resolve_item(obj=SimpleNamespace(record=RDM_RECORD)).item_id == "abcde-12345"


def test_an_item_without_versions_is_its_own_parent():
    """Also one of a resolver that knows nothing of parents."""
    assert item_fields(lambda **thing: Item("I", ["bees"], "open")) == {
        "item_id": "I",
        "parent_id": "I",
        "labels": ["bees"],
        "access_status": "open",
    }
    assert item_fields(resolve_item, record=RDM_RECORD)["parent_id"] == "parent-1"


def test_what_is_not_known_is_left_out():
    assert item_fields(resolve_item, record=PlainRecord()) == {"item_id": "0b5b", "parent_id": "0b5b"}
    assert item_fields(resolve_item) == {}
    assert item_fields(None, record=RDM_RECORD) == {}


def test_a_record_is_looked_up_once_per_request():
    """An archive downloads a hundred files of one record in one request."""
    asked = []

    def resolver(obj=None, **kwargs):
        asked.append(obj.bucket_id)
        return Item(f"item of {obj.bucket_id}", [])

    files = [SimpleNamespace(bucket_id=bucket) for bucket in "aabbab"]
    with Flask("items").test_request_context():
        found = [item_fields(resolver, obj=file)["item_id"] for file in files]
    assert found == ["item of a", "item of a", "item of b", "item of b", "item of a", "item of b"]
    assert asked == ["a", "b"]
