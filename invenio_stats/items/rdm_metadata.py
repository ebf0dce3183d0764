"""Describe the records of InvenioRDM."""

from collections.abc import Mapping
from typing import Any

from flask import current_app
from flask_babel import get_locale

from invenio_stats.core.data_types import counter_data_type, day_of, year_of
from invenio_stats.items.access import SYSTEM
from invenio_stats.items.metadata import Author, Container, ItemMetadata
from invenio_stats.items.rdm_search import Document, find_records, find_resource_types


class RDMMetadata:
    """`STATS_ITEM_METADATA` for InvenioRDM: two requests for a batch."""

    def __call__(self, item_ids: list[str]) -> Mapping[str, ItemMetadata]:
        """Return what the index of records says of these items."""
        records = [*find_records(SYSTEM, "id", item_ids, len(item_ids))]
        type_ids = sorted({type_id for record in records if (type_id := _type_id(record))})
        types = find_resource_types(type_ids) if type_ids else {}
        return {record["id"]: describe(record, types.get(_type_id(record) or "")) for record in records}


def describe(record: Document, datacite_type: str | None) -> ItemMetadata:
    """Return the metadata in a document of InvenioRDM's index, given DataCite's general type of the record."""
    metadata, custom = record["metadata"], record.get("custom_fields") or {}
    identifiers = _by_scheme(metadata.get("identifiers"))
    published = str(metadata.get("publication_date") or "")
    version = metadata.get("version") or f"v{record['versions']['index']}"
    data_type = counter_data_type(datacite_type, _type_id(record))
    container = _container(datacite_type, data_type, custom)
    imprint = custom.get("imprint:imprint") or {}
    return ItemMetadata(
        title=metadata["title"],
        publisher=metadata.get("publisher"),
        authors=tuple(_author(creator["person_or_org"]) for creator in metadata.get("creators", ())),
        doi=(record.get("pids", {}).get("doi") or {}).get("identifier") or identifiers.get("doi"),
        isbn=identifiers.get("isbn") or (imprint.get("isbn") if container is None else None),
        issn=identifiers.get("issn"),
        uri=identifiers.get("url"),
        publication_date=day_of(published),
        data_type=data_type,
        yop=year_of(published),
        container=container,
        url=f"{current_app.config['SITE_UI_URL']}/records/{record['id']}",
        type_label=_in_language(metadata.get("resource_type", {}).get("title")),
        access_status=record.get("access", {}).get("status"),
        version=version,
    )


def _type_id(record: Document) -> str | None:
    return record["metadata"].get("resource_type", {}).get("id")


def _by_scheme(identifiers: Any) -> dict[str, str]:
    """Return the first identifier of each scheme."""
    return {entry.get("scheme"): entry["identifier"] for entry in reversed(identifiers or [])}


def _author(person: Document) -> Author:
    identifiers = _by_scheme(person.get("identifiers"))
    return Author(person["name"], orcid=identifiers.get("orcid"), isni=identifiers.get("isni"))


def _container(datacite_type: str | None, data_type: str, custom: Document) -> Container | None:
    """Return what InvenioRDM's optional fields name: the journal, book or conference of an item."""
    journal, imprint, meeting = (custom.get(f"{name}:{name}") or {} for name in ("journal", "imprint", "meeting"))
    if data_type == "Article" and journal.get("title"):
        return Container(journal["title"], "Journal", issn=journal.get("issn"))
    if datacite_type == "BookChapter" and imprint.get("title"):
        return Container(imprint["title"], "Book", isbn=imprint.get("isbn"))
    if datacite_type == "ConferencePaper" and (imprint.get("title") or meeting.get("title")):
        return Container(imprint.get("title") or meeting["title"], "Conference", isbn=imprint.get("isbn"))
    return None


def _in_language(titles: Mapping[str, str] | None) -> str | None:
    """Return a text in the language of the request, else in English, else in any."""
    if not titles:
        return None
    language = str(get_locale() or "en").partition("_")[0]
    return titles.get(language) or titles.get("en") or next(iter(titles.values()))
