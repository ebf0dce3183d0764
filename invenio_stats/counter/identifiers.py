"""Write identifiers and dates in the forms that COUNTER asks for; None for a value that is not one.

A value that has the right parts is written as it should be: an ISBN with 10 digits or without hyphens, an ORCID or a
DOI that is given as an address. What has a wrong check digit, or is not what it is said to be, is left out.
"""

import re
from datetime import date
from urllib.parse import unquote, urlsplit

from stdnum import isbn, issn
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

_DOI = re.compile(r"10\.[0-9]{4,9}(?:\.[0-9]+)*/\S+")
_DOI_ADDRESS = re.compile(r"https?://(?:dx\.|www\.)?doi\.org/", re.IGNORECASE)
_DOI_SCHEME = re.compile(r"doi:", re.IGNORECASE)
_ORCID_ADDRESS = re.compile(r"https?://(?:www\.)?orcid\.org/", re.IGNORECASE)
_ISNI_ADDRESS = re.compile(r"https?://(?:www\.)?isni\.org/(?:isni/)?", re.IGNORECASE)
_ROR_ADDRESS = re.compile(r"https?://(?:www\.)?ror\.org/", re.IGNORECASE)
_ROR = re.compile(r"0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}")
_PROPRIETARY = re.compile(r"[A-Za-z0-9_./]{1,17}:\S.*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def format_doi(value: str | None) -> str | None:
    """Return a DOI without resolver: `10.1234/abc`. Addresses, and only they, have their special characters encoded."""
    text = (value or "").strip()
    address = _DOI_ADDRESS.match(text)
    try:
        text = unquote(text[address.end() :], errors="strict") if address else _DOI_SCHEME.sub("", text, count=1)
    except UnicodeDecodeError:
        return None
    return text if _DOI.fullmatch(text) and text.isprintable() else None


def format_isbn(value: str | None) -> str | None:
    """Return an ISBN of 13 digits with hyphens between its parts: `978-3-16-148410-0`."""
    try:
        text: str = isbn.format(isbn.validate(value or "", convert=True))
    except ValidationError:
        return None
    # Without all four hyphens the range of its group is not assigned: nobody can say where its parts begin.
    return text if text.count("-") == 4 else None


def format_issn(value: str | None) -> str | None:
    """Return an ISSN as two blocks: `0378-5955`."""
    try:
        text: str = issn.format(issn.validate((value or "").upper()))
    except ValidationError:
        return None
    return text


def format_orcid(value: str | None) -> str | None:
    """Return an ORCID in four blocks, not as an address: `0000-0002-1825-0097`."""
    digits = _name_id(_without_address(value, _ORCID_ADDRESS))
    return None if digits is None else "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def format_isni(value: str | None) -> str | None:
    """Return an ISNI as 16 characters: `000000012146438X`."""
    return _name_id(_without_address(value, _ISNI_ADDRESS))


def format_ror(value: str | None) -> str | None:
    """Return a ROR id without its address: `00hx57361`."""
    text = _without_address(value, _ROR_ADDRESS)
    return text if _ROR.fullmatch(text) else None


def format_proprietary(value: str | None) -> str | None:
    """Return an id with the namespace of a platform: `example:123`."""
    return value if value and _PROPRIETARY.fullmatch(value) else None


def format_uri(value: str | None) -> str | None:
    """Return an absolute URI; an address of the web has a host."""
    text = (value or "").strip()
    if not _SCHEME.match(text) or re.search(r"[\s<>\"{}|\\^`\x00-\x1f]", text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    is_whole = bool(parts.hostname) if parts.scheme in ("http", "https", "ftp") else bool(parts.path or parts.netloc)
    return text if is_whole else None


def format_date(value: str | None) -> str | None:
    """Return a whole date that exists: `2026-05-31`."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value or ""):
        return None
    try:
        return date.fromisoformat(value or "").isoformat()
    except ValueError:
        return None


def is_yop(value: str) -> bool:
    """Return True for a year of publication; 0001 if it is not known, 9999 for what is in press."""
    return re.fullmatch(r"[0-9]{4}", value) is not None and value != "0000"


def _without_address(value: str | None, address: re.Pattern[str]) -> str:
    text = (value or "").strip()
    found = address.match(text)
    return text[found.end() :].removesuffix("/") if found else text


def _name_id(value: str) -> str | None:
    digits = re.sub(r"[ -]", "", value).upper()
    return digits if re.fullmatch(r"[0-9]{15}[0-9X]", digits) and mod_11_2.is_valid(digits) else None
