"""Decide whether a response delivered the content of an item, so that its view or download counts."""

import re
from collections.abc import Mapping
from typing import NamedTuple

USAGE_TYPES = ("file-download", "record-view")
"""Event types that are use of an item unless their entry says otherwise."""

REDIRECTED_TYPES = ("file-download",)
"""Those of them for which a redirect leads to the content, as the shipped builders say."""

_FROM_THE_START = re.compile(r"bytes\s+0-", re.IGNORECASE)
_BYTE_RANGES = re.compile(r"\s*bytes\s*=", re.IGNORECASE)
_FIRST_RANGE_FROM_THE_START = re.compile(r"\s*bytes\s*=\s*0+\s*-", re.IGNORECASE)

SENT_BY_ANOTHER_SERVER = ("X-Accel-Redirect", "X-Sendfile", "X-LIGHTTPD-send-file", "X-Reproxy-URL")
"""Response headers by which an application tells the server in front of it to send the file."""

_PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_PREFETCH = re.compile(r"(?:^|[;,\s])(?:prefetch|prerender|preview)(?:$|[;,\s=])", re.IGNORECASE)


class Answer(NamedTuple):
    """What the rule needs to know of a response and the request it answers."""

    method: str
    status: int
    content_range: str | None = None
    requested_range: str | None = None
    """The request's Range header."""
    is_sent_elsewhere: bool = False
    """True if another server sends the content, and cuts it to the requested range itself."""
    is_prefetch: bool = False
    """True if a browser fetched it in advance: nobody may ever see it."""


def is_prefetch(headers: Mapping[str, str]) -> bool:
    """Return whether a browser fetches this in advance, by the request headers that browsers mark it with."""
    return any(_PREFETCH.search(headers.get(name) or "") for name in _PREFETCH_HEADERS)


def is_usage(answer: Answer, leads_to_content: bool = False) -> bool:
    """Return whether an answer delivered the content, so that its view or download counts.

    200 and 304 do (COUNTER 5.1, 3.3.8). Of parts (206) only the one that begins at byte 0 does, so that a download in
    pieces is one; a redirect only when it leads to the content itself; HEAD and prefetches never do. If another server
    sends the content, the application answers alike to every part: then the requested range decides.
    """
    if answer.method == "HEAD" or answer.is_prefetch:
        return False
    if answer.status == 206:
        if answer.content_range is None:  # several ranges in one answer have no such header
            return bool(_FIRST_RANGE_FROM_THE_START.match(answer.requested_range or ""))
        return bool(_FROM_THE_START.match(answer.content_range))
    if answer.status in (200, 304):
        return not answer.is_sent_elsewhere or _is_from_the_start(answer.requested_range)
    is_redirect = leads_to_content and answer.status in (302, 303, 307)
    return is_redirect and _is_from_the_start(answer.requested_range)  # a client repeats the range at the other place


def _is_from_the_start(requested_range: str | None) -> bool:
    """Return whether a server that honours ranges sends the first byte; it ignores ranges of other units."""
    if not requested_range or not _BYTE_RANGES.match(requested_range):
        return True
    return bool(_FIRST_RANGE_FROM_THE_START.match(requested_range))
