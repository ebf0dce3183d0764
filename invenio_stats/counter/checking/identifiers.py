"""Check that identifiers and dates have COUNTER's forms: check digits, hyphens of an ISBN, days that exist."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from invenio_stats.counter import identifiers
from invenio_stats.counter.checking.findings import Finding

_FORMATS: Mapping[str, Callable[[str], str | None]] = {
    "DOI": identifiers.format_doi,
    "ISBN": identifiers.format_isbn,
    "Print_ISSN": identifiers.format_issn,
    "Online_ISSN": identifiers.format_issn,
    "URI": identifiers.format_uri,
    "ISNI": identifiers.format_isni,
    "ORCID": identifiers.format_orcid,
    "ROR": identifiers.format_ror,
    "Proprietary": identifiers.format_proprietary,
    "Publication_Date": identifiers.format_date,
}


def check_identifiers(where: str, fields: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the identifiers and dates of an item, parent or header that are not in the form that they should have."""
    named: list[tuple[str, Any]] = [("Publication_Date", fields.get("Publication_Date"))]
    for name in ("Item_ID", "Publisher_ID", "Institution_ID"):
        named.extend(fields.get(name, {}).items())
    for author in fields.get("Authors", ()):
        named.extend(author.items())
    for name, value in named:
        for text in value if isinstance(value, list) else [value]:
            format_value = _FORMATS.get(name)
            if text is not None and format_value is not None and format_value(text) != text:
                yield Finding("identifier", where, f"{name} {text!r} is not one, or is written otherwise")
