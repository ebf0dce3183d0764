"""Write identifiers and dates in the forms that COUNTER asks for; None for a value that is not one.

A value that has the right parts is written as it should be: an ISBN with 10 digits or without hyphens, an ORCID that is
given as an address. What has a wrong check digit, or is not what it is said to be, is left out.
"""

import re
from datetime import date
from urllib.parse import urlsplit

from stdnum import isbn, issn
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

_DOI = re.compile(r"10\.[0-9]{4,9}(?:\.[0-9]+)*/\S+")
_DOI_RESOLVER = re.compile(r"(?:https?://(?:dx\.|www\.)?doi\.org/|doi:)", re.IGNORECASE)
_ORCID_ADDRESS = re.compile(r"https?://(?:www\.)?orcid\.org/", re.IGNORECASE)
_ROR = re.compile(r"(?:https://ror\.org/)?(0[a-hj-km-np-tv-z0-9]{6}[0-9]{2})")
_PROPRIETARY = re.compile(r"[A-Za-z0-9_./]{1,17}:\S.*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def format_doi(value: str | None) -> str | None:
    """Return a DOI without resolver: `10.1234/abc`."""
    text = _DOI_RESOLVER.sub("", (value or "").strip(), count=1)
    return text if _DOI.fullmatch(text) else None


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
    digits = _name_id(_ORCID_ADDRESS.sub("", (value or "").strip(), count=1))
    return None if digits is None else "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def format_isni(value: str | None) -> str | None:
    """Return an ISNI as 16 characters: `000000012146438X`."""
    return _name_id((value or "").strip())


def format_ror(value: str | None) -> str | None:
    """Return a ROR id without its address: `00hx57361`."""
    found = _ROR.fullmatch((value or "").strip())
    return found[1] if found else None


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


def _name_id(value: str) -> str | None:
    digits = re.sub(r"[ -]", "", value).upper()
    return digits if re.fullmatch(r"[0-9]{15}[0-9X]", digits) and mod_11_2.is_valid(digits) else None
