"""Reduce referrers to a host: a client may write anything into the header, and paths tell what somebody looked for."""

import re
from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import urlsplit

INTERNAL = "internal"
"""Stands for the hosts of the instance itself."""

_RESERVED = {INTERNAL, "other", "unknown"}
"""Values that answers and files have in place of a host; a host of such a name would be taken for them."""

MAX_HOST_CHARACTERS = 253

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"


def referrer_host(referrer: Any, own_hosts: Collection[str] = ()) -> str | None:
    """Return the host of a referrer in lower case; 'internal' if it is one of the instance's own.

    None if the referrer is not a well-formed http(s) URL: a text without a scheme, with blanks, or with control or
    direction characters, or whose host is longer than 253 characters, not a host name, or called like what stands in
    place of one ('internal', 'other', 'unknown').
    """
    if not isinstance(referrer, str) or not referrer.isprintable() or " " in referrer or "\\" in referrer:
        return None
    try:
        url = urlsplit(referrer)
        host, _port = url.hostname, url.port  # an invalid port is a ValueError
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or host is None:
        return None
    host = host.removesuffix(".")
    if not is_host(host) or host in _RESERVED:
        return None
    return INTERNAL if host in own_hosts else host


@lru_cache(maxsize=64)
def host_of_request(host: str) -> str | None:
    """Return the host name in a request's `Host` header or in a setting, in lower case and without its port."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return None
    return name and name.removesuffix(".")


@lru_cache(maxsize=1024)
def is_host(text: str) -> bool:
    """Return True if a text is a host name or an address in the form that `referrer_host` returns, or 'internal'."""
    if len(text) > MAX_HOST_CHARACTERS:
        return False
    return re.fullmatch(_HOST, text) is not None or _is_ipv6(text)


def _is_ipv6(text: str) -> bool:
    if ":" not in text:
        return False
    try:
        return "%" not in text and bool(IPv6Address(text))
    except ValueError:
        return False
