"""Rules of cells: merging is a join, and who has a ghost."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.double_click_documents import Document, merge, to_document, to_source
from invenio_stats.core.double_clicks import fold
from tests.fixtures.clicks import MIDNIGHT, NOON, make_click

documents = st.builds(
    lambda first, more, event_id, superseded: Document(
        _fields(f"{first + more}{event_id}", has_item=(first + more + ord(event_id)) % 2),
        event_id,
        NOON + timedelta(seconds=first),
        NOON + timedelta(seconds=first + more),
        superseded,
    ),
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from("xyz"),
    st.booleans(),
)


def _fields(click, has_item):
    return {"of": click, **(_item(click) if has_item else {})}


def _item(item_id, **fields):
    return {"item_id": item_id, "parent_id": f"parent of {item_id}", "access_status": "open", **fields}


@given(documents, documents, documents)
def test_merging_is_a_join(a, b, c):
    """Order, grouping and repetition play no part; the first click only falls, the latest only rises."""
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) is a
    joined = merge(a, b)
    assert joined.first <= a.first
    assert joined.latest >= a.latest
    assert joined.is_superseded >= a.is_superseded
    assert merge(joined, a) is joined


@given(st.permutations([(0, "I"), (10, "J"), (20, None), (25, None)]))
def test_a_later_click_without_an_item_keeps_that_of_the_latest_with_one(clicks):
    """Whatever the order, and also when documents are stored and read in between."""
    merged = None
    for second, item_id in clicks:
        moment = NOON + timedelta(seconds=second)
        fields = {"of": second, "access_method": "TDM"} if second else {"of": second}
        if item_id:
            fields |= _item(item_id, labels=["bees"] if item_id == "I" else [])
        click = Document(fields, str(second), moment, moment)
        merged = click if merged is None else merge(to_document(to_source(merged, "")), click)
    stored = to_source(merged, "")
    assert stored["of"] == 25
    assert {**_item("J"), "labels": []}.items() <= stored.items()
    assert stored["item_from"] == "2026-01-30T12:00:10 10"


def test_a_click_with_an_item_of_its_own_keeps_it():
    older, newer = (
        Document(fields, "x", NOON + timedelta(seconds=second), NOON + timedelta(seconds=second))
        for second, fields in ((0, _item("I", labels=["bees"])), (5, _item("I")))
    )
    assert to_source(merge(older, newer), "") == {
        **_item("I"),
        "timestamp": "2026-01-30T12:00:05",
        "first": "2026-01-30T12:00:00",
        "event_id": "x",
        "updated_timestamp": "",
    }


@given(documents, documents)
def test_a_document_is_read_as_it_was_written(document, other):
    document = merge(document, other)
    read = to_document(to_source(document, "2026-01-01T00:00:00+00:00"))
    assert read._replace(fields=document.fields) == document


def test_a_visitor_whose_key_did_not_change_has_no_ghost():
    """It would hide the very click that it belongs to."""
    click = make_click(MIDNIGHT + timedelta(seconds=10))
    click.fields["visitor_id"] = click.previous_visitor_id
    assert [cell.is_ghost for cell in fold([click], 30)] == [False]


def test_only_the_first_cell_of_a_day_has_ghosts():
    click = make_click(MIDNIGHT + timedelta(seconds=40))
    assert not [cell for cell in fold([click._replace(previous_visitor_id="other")], 30) if cell.is_ghost]
