"""Describe plain Invenio records."""

from collections.abc import Mapping
from typing import Any

from flask import current_app

from invenio_stats.core.data_types import day_of, year_of
from invenio_stats.items.metadata import Author, ItemMetadata
from invenio_stats.items.plain_records import endpoint, item_of_record, load_records, read_each

TEXT_FIELDS = (
    "title",
    "publisher",
    "doi",
    "isbn",
    "issn",
    "uri",
    "article_version",
    "data_type",
    "type_label",
    "version",
)
"""Fields of ItemMetadata that are texts of a record as they are."""


class PlainMetadata:
    """`STATS_ITEM_METADATA` for records of invenio-records: two statements for a batch."""

    def __init__(self, pid_type: str = "recid", keys: Mapping[str, str] | None = None):
        """Take the type of the records' identifiers, and the keys of records where they differ from our names.

        `keys` is `{field of ItemMetadata: key of a record}`. Authors are names, or dicts with `name` and `orcid`.
        """
        self._pid_type = pid_type
        self._keys = dict(keys or {})

    def __call__(self, item_ids: list[str]) -> Mapping[str, ItemMetadata]:
        """Return what records say of themselves; a record without a title is not known."""
        records = load_records(item_ids, self._pid_type)
        titled = [(asked, record) for asked, record in records.items() if self._get(record, "title")]
        return dict(read_each(titled, self._describe))

    def _describe(self, asked: str, record: Any) -> ItemMetadata:
        texts = {field: str(value) for field in TEXT_FIELDS if (value := self._get(record, field))}
        published = str(self._get(record, "publication_date") or "")
        item = item_of_record(record)
        return ItemMetadata(
            **texts,
            authors=tuple(map(_author, self._get(record, "authors") or ())),
            publication_date=day_of(published),
            yop=year_of(published),
            url=self._url(asked),
            access_status=item and item.access_status,
        )

    def _get(self, record: Any, field: str) -> Any:
        return record.get(self._keys.get(field, field))

    def _url(self, asked: str) -> str | None:
        """Return the address of the record's page, by the route in `RECORDS_UI_ENDPOINTS`."""
        path = endpoint(self._pid_type).get("route", "<").replace("<pid_value>", asked)
        return None if "<" in path else f"{current_app.config.get('SITE_UI_URL') or ''}{path}"


def _author(author: Any) -> Author:
    return Author(author["name"], author.get("orcid")) if isinstance(author, Mapping) else Author(str(author))
