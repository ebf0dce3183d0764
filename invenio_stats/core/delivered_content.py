"""Decide by a response whether it delivered the content, so that its views and downloads count."""

import re
from typing import NamedTuple

USAGE_TYPES = ("file-download", "record-view")
"""Event types that are usage of an item unless their entry in STATS_EVENTS sets it otherwise."""

_FROM_THE_START = re.compile(r"bytes\s+0-", re.IGNORECASE)


class Answer(NamedTuple):
    """The properties of a response and its request that the rule depends on."""

    method: str
    status: int
    content_range: str | None = None


def is_usage(answer: Answer, leads_to_content: bool = False) -> bool:
    """Return True if a response delivered the content, so that its view or download counts.

    Status 200 and 304 count (COUNTER 5.1, 3.3.8). A partial response (206) counts only if it begins at byte 0, so
    that a download in several parts counts once; a redirect only if it leads to the content itself. HEAD never counts.
    """
    if answer.method == "HEAD":
        return False
    if answer.status in (200, 304):
        return True
    if answer.status == 206:
        return bool(_FROM_THE_START.match(answer.content_range or ""))
    return leads_to_content and answer.status in (302, 303, 307)
