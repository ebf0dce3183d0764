"""Express types and dates of publications as COUNTER does."""

import re

_SAME = ("Audiovisual", "Dataset", "Image", "Report", "Software", "Sound", "Standard", "Other")

DATA_TYPES = {
    **{name: name for name in _SAME},
    "Book": "Book_Segment",
    "BookChapter": "Book_Segment",
    "ComputationalNotebook": "Software",
    "ConferencePaper": "Conference_Item",
    "ConferenceProceeding": "Conference_Item",
    "DataPaper": "Article",
    "Dissertation": "Thesis_or_Dissertation",
    "InteractiveResource": "Interactive_Resource",
    "JournalArticle": "Article",
    "Poster": "Conference_Item",
    "Preprint": "Article",
    "Presentation": "Conference_Item",
}
"""By DataCite's general resource type. A whole book is a segment: COUNTER has no item of the type Book."""

ITEM_DATA_TYPES = frozenset(
    {
        *DATA_TYPES.values(),
        *("Database_Full_Item", "Multimedia", "News_Item", "Patent", "Reference_Item", "Unspecified"),
    }
)
"""The Data_Types that an item may have in a report; any other one is a critical error there."""

PARENT_TYPES = {
    "Article": "Journal",
    "Book_Segment": "Book",
    "Conference_Item": "Conference",
    "News_Item": "Newspaper_or_Newsletter",
    "Reference_Item": "Reference_Work",
}
"""The Data_Type that the parent of an item has, by the item's; items of other types have none."""

_BY_ID = {"publication-patent": "Patent"}
"""By InvenioRDM's id of a resource type, if DataCite's is less exact."""


def counter_data_type(datacite_type: str | None, type_id: str | None = None) -> str:
    """Return COUNTER's Data_Type: Other for a type that it does not have, Unspecified for an item without a type."""
    if type_id in _BY_ID:
        return _BY_ID[type_id]
    if not datacite_type and not type_id:
        return "Unspecified"
    return DATA_TYPES.get(datacite_type or "", "Other")


def day_of(published: str) -> str | None:
    """Return a date of publication as `yyyy-mm-dd`; None if it is less exact than a day, or an interval."""
    return published if re.fullmatch(r"\d{4}-\d\d-\d\d", published) else None


def year_of(published: str) -> str | None:
    """Return the year of publication, of an interval the first; None if there is none."""
    found = re.match(r"\d{4}(?!\d)", published)
    return found[0] if found else None


def month_data_type(data_type: object) -> str:
    """Return the Data_Type that the usage of an item gets: Other for one that no item may have."""
    if not data_type:
        return "Unspecified"
    return data_type if isinstance(data_type, str) and data_type in ITEM_DATA_TYPES else "Other"


def month_yop(yop: object) -> str:
    """Return the year of publication that the usage of an item gets: 0001 if it is not known."""
    return yop if isinstance(yop, str) and re.fullmatch(r"[0-9]{4}", yop) else "0001"
