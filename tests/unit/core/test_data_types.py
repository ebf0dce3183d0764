"""Types and dates of publications are COUNTER's."""

import pytest

from invenio_stats.core.data_types import DATA_TYPES, counter_data_type, day_of, year_of

ITEM_TYPES = {
    "Article",
    "Audiovisual",
    "Book_Segment",
    "Conference_Item",
    "Database_Full_Item",
    "Dataset",
    "Image",
    "Interactive_Resource",
    "Multimedia",
    "News_Item",
    "Other",
    "Patent",
    "Reference_Item",
    "Report",
    "Software",
    "Sound",
    "Standard",
    "Thesis_or_Dissertation",
    "Unspecified",
}
"""What COUNTER allows for an item; Book, Journal and their like are types of what an item was published in."""


def test_every_type_is_one_that_an_item_may_have():
    assert set(DATA_TYPES.values()) <= ITEM_TYPES


@pytest.mark.parametrize(
    ("datacite_type", "type_id", "data_type"),
    [
        ("Preprint", None, "Article"),
        ("Book", "publication-book", "Book_Segment"),
        ("Text", "publication-patent", "Patent"),
        ("Workflow", "workflow", "Other"),
        (None, "something-of-ours", "Other"),
        (None, None, "Unspecified"),
    ],
)
def test_types_are_mapped(datacite_type, type_id, data_type):
    assert counter_data_type(datacite_type, type_id) == data_type


@pytest.mark.parametrize(
    ("published", "day", "year"),
    [
        ("2026-02-03", "2026-02-03", "2026"),
        ("2026-02", None, "2026"),
        ("1998/2001", None, "1998"),
        ("in press", None, None),
        ("20261", None, None),
        ("", None, None),
    ],
)
def test_a_date_is_a_whole_day_or_none(published, day, year):
    assert (day_of(published), year_of(published)) == (day, year)
