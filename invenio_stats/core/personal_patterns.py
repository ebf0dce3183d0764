"""Recognise what looks like personal data in texts: addresses, user agents and mail addresses.

What is found is named by its kind, and never returned: whoever looks for personal data must not spread it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address
from typing import Any, Literal

from invenio_stats.core.visitors import PERSONAL_FIELDS

Kind = Literal["ipv4_address", "ipv6_address", "user_agent", "mail_address", "personal_field"]

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_PATTERNS: Mapping[Kind, str] = {
    "ipv4_address": rf"(?<![\w.-]){_OCTET}(?:\.{_OCTET}){{3}}(?![\w-]|\.\w)",
    "mail_address": r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+",
    "user_agent": r"Mozilla/\d|AppleWebKit/|Gecko/\d|\b(?:Chrome|Safari|Firefox|curl|Wget|okhttp|python-requests)/\d",
}
_IPV6_CANDIDATE = r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:]|\.\w)"

_FIELD_NAME = r"[A-Za-z_][\w.-]{0,63}"
OTHER_FIELD = "(other)"
"""In place of the name of a field that might be personal data itself."""


def find_kinds(text: str) -> set[Kind]:
    """Return the kinds of personal data that a text seems to have."""
    found: set[Kind] = {kind for kind, pattern in _PATTERNS.items() if re.search(pattern, text)}
    if any(_is_ipv6(match[0]) for match in re.finditer(_IPV6_CANDIDATE, text)):
        found.add("ipv6_address")
    return found


def find_fields(document: Any, allowed: Mapping[str, Kind]) -> set[tuple[str, Kind]]:
    """Return the fields of a document with what they seem to have; `allowed` is what a field may have.

    A field that is named like personal data is told whatever it has, unless it is empty.
    """
    found: set[tuple[str, Kind]] = set()
    for path, value in _leaves(document, ""):
        name = path if re.fullmatch(_FIELD_NAME, path, re.ASCII) else OTHER_FIELD
        if path.rpartition(".")[2] in PERSONAL_FIELDS and value is not None:
            found.add((name, "personal_field"))
        found.update((name, kind) for kind in find_kinds(str(value)) if allowed.get(name) != kind)
        found.update((OTHER_FIELD, kind) for kind in find_kinds(path))
    return found


def names_of_fields(document: Any) -> Iterator[str]:
    """Yield the names of the fields at the top of a document, as far as they may be shown."""
    for name in document if isinstance(document, Mapping) else ():
        yield name if re.fullmatch(_FIELD_NAME, str(name), re.ASCII) else OTHER_FIELD


def count_findings(documents: list[Any], allowed: Mapping[str, Kind]) -> Counter[tuple[str, Kind]]:
    """Return in how many documents each field seems to have personal data."""
    return Counter(finding for document in documents for finding in find_fields(document, allowed))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part, path)
    else:
        yield path, value


def _is_ipv6(text: str) -> bool:
    try:
        return len(text) > len("::1") and bool(IPv6Address(text))
    except ValueError:
        return False
