"""Reduce the text of a user agent to what tells its kind, for the user-agent catalog."""

import hashlib
import re

from invenio_stats.privacy.user_agents.classifier import MAX_AGENT_CHARACTERS
from invenio_stats.privacy.user_agents.lists.builtin import E_MAIL_MARK

MAX_REDUCED_CHARACTERS = 300
"""Characters of a reduced user agent that are kept."""

_BLANKS = re.compile(r"\s+")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_E_MAIL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'-]*(?:@|%40|\s*[\[({<]\s*at\s*[\])}>]\s*)[a-z][\w-]*"
    r"(?:(?:\.|\s*[\[({<]\s*dot\s*[\])}>]\s*)[\w-]+)+",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?<![\w.+%'-])[\w.+%'-]+(?:@|%40)[a-z][\w-]*", re.IGNORECASE)
_QUERY = re.compile(r"(?<=[\w/])\?[^\s;,()]*")
_IN_APP = re.compile(r"\b(FB(?:BV|RV|CR|LC|OP|SS|ID))/[^;\]]*")
_BUILD = re.compile(r"\b(Build|Mobile)/(?!\d{1,3}\b)[\w.-]+")
_IDENTIFIER = re.compile(
    r"\{?\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b\}?|\b(?=[a-f]*\d)[0-9a-f]{16,}\b|(?<!\d)(?<!gecko/)\d{7,}"
    r"|(?<![\w:])(?=[0-9a-f:]{0,40}::|(?:[0-9a-f]{1,4}:){7})[0-9a-f:]{3,}(?!\w)",
    re.IGNORECASE,
)
_PART = r"\d+(?:[A-Za-z]{1,5}\d*\b)?"
_VERSION = re.compile(rf"(?<![A-Za-z\d])(\d+)(?:[._,]{_PART})+|(?<!\d)(\d+)(?:[.,]{_PART})+")
_MOZILLA = re.compile(r"^Mozilla/\d\.\d\b", re.IGNORECASE)


def reduce_agent(text: str) -> str:
    """Return the reduced text of a user agent: its product names, hosts and major version numbers.

    Removes e-mail addresses, queries of links, builds of devices and apps, identifiers, control characters and all
    text beyond 300 characters. With few exceptions the reduced text has the same class as the original. Reducing it
    again does not change it.
    """
    text, before = text[:MAX_AGENT_CHARACTERS], None
    while before != text:  # a removal may join two parts to something that must be removed too
        before, text = text, _reduce(text)
    return text


def agent_id(reduced: str) -> str:
    """Return the key of a reduced text in the user-agent catalog: 32 hexadecimal digits."""
    return hashlib.sha256(reduced.encode("utf-8", "replace")).hexdigest()[:32]


def _reduce(text: str) -> str:
    text = _UNSEEN.sub("", _BLANKS.sub(" ", text))
    text = _LOGIN.sub("", _E_MAIL.sub(E_MAIL_MARK, text))
    text = _BUILD.sub(r"\1", _IN_APP.sub(r"\1", _QUERY.sub("", text)))
    mozilla = _MOZILLA.match(text)  # identical in all browsers, and the lists recognise robots by it
    start = mozilla[0] if mozilla else ""
    text = start + _VERSION.sub(r"\1\2", text[len(start) :])
    return _IDENTIFIER.sub("0", text).strip()[:MAX_REDUCED_CHARACTERS].strip()
