"""Describe items and their parents as COUNTER does; what is not known, or has no form of COUNTER's, is left out."""

import re
from collections.abc import Iterable
from typing import Any

from invenio_stats.core.counter_platform import Platform
from invenio_stats.core.counter_reports import ARTICLE_VERSIONS
from invenio_stats.core.data_types import PARENT_TYPES
from invenio_stats.counter.identifiers import (
    format_date,
    format_doi,
    format_isbn,
    format_isni,
    format_issn,
    format_orcid,
    format_proprietary,
    format_ror,
    format_uri,
)
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.items.metadata import Author, Container, ItemMetadata

MAX_AUTHORS = 3

_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_NO_CHARACTERS = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
"""Halves of characters, and what is none: no file of Excel may have them."""

Description = dict[str, Any]
"""Fields of an item or a parent, as JSON has them."""


class Describer:
    """Describes the items of a report."""

    def __init__(self, request: ReportRequest, platform: Platform):
        """Take what the report shows of an item."""
        self._kind, self._platform = request.kind, platform
        self._shown = {*request.kind.described, *request.attributes}

    def describe(self, item_id: str, metadata: ItemMetadata | None) -> Description:
        """Return the item without its usage; Item and Publisher are "" if they are not known."""
        known = metadata or ItemMetadata("")
        identifiers = {
            "DOI": format_doi(known.doi),
            "Proprietary": clean_text(self._platform.own_id(item_id)),
            "ISBN": format_isbn(known.isbn),
            "Online_ISSN": format_issn(known.issn),
            "URI": format_uri(known.uri),
        }
        described = {
            "Authors": list(_authors(known.authors)),
            "Publication_Date": format_date(known.publication_date),
            "Article_Version": known.article_version if known.article_version in ARTICLE_VERSIONS else None,
        }
        return {
            "Item": clean_text(known.title),
            "Publisher": clean_text(known.publisher or ""),
            "Platform": self._platform.name,
            **_known({"Publisher_ID": self._publisher_ids(known.publisher_ids)}),
            "Item_ID": _known({name: identifiers.get(name) for name in self._kind.item_ids}),
            **_known({name: value for name, value in described.items() if name in self._shown}),
        }

    def describe_parent(self, container: Container) -> Description | None:
        """Return the parent; None if no identifier of it is known."""
        identifiers = {
            "DOI": format_doi(container.doi),
            "ISBN": format_isbn(container.isbn),
            "Online_ISSN": format_issn(container.issn),
        }
        identifiers = _known({name: identifiers.get(name) for name in self._kind.item_ids})
        if not identifiers:
            return None
        data_type = {"Data_Type": container.data_type} if "Parent_Data_Type" in self._kind.parent_fields else {}
        return {**_known({"Title": clean_text(container.title)}), "Item_ID": identifiers, **data_type}

    def _publisher_ids(self, values: Iterable[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {"ISNI": [], "ROR": [], "Proprietary": []}
        for value in values:
            scheme, _, text = value.partition(":")
            if scheme == "ISNI" and (isni := format_isni(text)):
                found["ISNI"].append(isni)
            elif scheme == "ROR" and (ror := format_ror(text)):
                found["ROR"].append(ror)
            elif scheme == self._platform.platform_id and format_proprietary(value):
                found["Proprietary"].append(clean_text(value))
        return {name: list(dict.fromkeys(texts)) for name, texts in found.items() if texts}


def may_have_parent(data_types: Iterable[str], container: Container) -> bool:
    """Return True if items of all these Data_Types may be in a parent of the container's Data_Type."""
    return all(PARENT_TYPES.get(data_type) == container.data_type for data_type in data_types)


def clean_text(text: str) -> str:
    """Return a text on one line; a tab or line break becomes a space, and what is no character a question mark."""
    return _NO_CHARACTERS.sub("?", _BREAKS.sub(" ", text).strip())


def _authors(authors: Iterable[Author]) -> Iterable[dict[str, str]]:
    named = [author for author in authors if len(clean_text(author.name)) > 1]
    for author in named[:MAX_AUTHORS]:
        orcid = format_orcid(author.orcid)
        isni = None if orcid else format_isni(author.isni)
        yield {"Name": clean_text(author.name), **_known({"ORCID": orcid, "ISNI": isni})}


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
