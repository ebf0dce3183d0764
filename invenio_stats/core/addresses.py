"""Read IP addresses: one canonical form for each, whatever way a proxy or a program writes it."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

_MAX_CHARACTERS = 100
"""Of a text that is read: the longest way to write an address, with brackets, zone and port, is shorter."""


def canonical_address(value: Any) -> str | None:
    """Return an IP address in its canonical form; None if the value is not an address.

    Ports, brackets, zones and surrounding blanks are removed, IPv6 is in lower case and compressed, and an IPv4 address
    that is mapped into IPv6 is in its IPv4 form. A list of addresses, as in `X-Forwarded-For`, is not an address.
    """
    return _read(value) if isinstance(value, str) and 0 < len(value) <= _MAX_CHARACTERS else None


@lru_cache(maxsize=8192)  # it comes with each event of a visitor, and to read it takes as long as to hash five keys
def _read(text: str) -> str | None:
    try:
        address = ip_address(_without_port(text.strip()).partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _without_port(text: str) -> str:
    """Return the host of `host:port` and `[host]:port`; other texts, also those with an invalid port, unchanged."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        return host if bracket and (not rest or _is_port(rest)) and ":" in host else text
    host, colon, port = text.partition(":")
    return host if colon and _is_port(f":{port}") and "." in host else text


def _is_port(text: str) -> bool:
    return text[:1] == ":" and len(text) <= 6 and text[1:].isascii() and text[1:].isdigit()
