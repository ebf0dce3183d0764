"""Usage: which answers to a request make its views and downloads count."""

import re
from typing import NamedTuple

USAGE_TYPES = ("file-download", "record-view")
"""Event types that are use of an item unless their entry says otherwise."""

_FROM_THE_START = re.compile(r"bytes\s+0-", re.IGNORECASE)


class Answer(NamedTuple):
    """What the rule needs to know of a response and the request it answers."""

    method: str
    status: int
    content_range: str | None = None


def is_usage(answer: Answer, leads_to_content: bool = False) -> bool:
    """Say whether an answer delivered the content, so that its view or download counts.

    200 and 304 do (COUNTER 5.1, 3.3.8). Of parts (206) only the one that begins at byte 0, so that a
    download in pieces is one; a redirect only when it leads to the content itself; HEAD never does.
    """
    if answer.method == "HEAD":
        return False
    if answer.status in (200, 304):
        return True
    if answer.status == 206:
        return bool(_FROM_THE_START.match(answer.content_range or ""))
    return leads_to_content and answer.status in (302, 303, 307)
