"""Rules of cells: merging is a join, and who has a ghost."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.double_clicks import Document, fold, merge, to_document, to_source
from tests.fixtures.clicks import MIDNIGHT, NOON, make_click

documents = st.builds(
    lambda first, more, event_id, superseded: Document(
        {"of": f"{first + more}{event_id}"},
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


@given(documents)
def test_a_document_is_read_as_it_was_written(document):
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
