"""Agents: the reduced text that the dictionary keeps, which tells the kind of agent and as little else as can be."""

import hashlib
import re

from invenio_stats.privacy.user_agents.classifier import LOOKED_AT
from invenio_stats.privacy.user_agents.lists.builtin import E_MAIL_MARK

KEPT = 300
"""Characters of a reduced agent that are kept."""

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
    """Return what of an agent's text may be kept: its product names and hosts, and versions to the major number.

    E-mail addresses, queries of links, builds of devices and apps, identifiers, control characters and what is
    beyond 300 characters go. The class of an agent is, but for few, the class of its reduced text; reducing twice
    changes nothing.
    """
    text, before = text[:LOOKED_AT], None
    while before != text:  # what goes may bring together what goes as well
        before, text = text, _reduce(text)
    return text


def agent_id(reduced: str) -> str:
    """Return the key of a reduced text in the dictionary: 32 hexadecimal digits."""
    return hashlib.sha256(reduced.encode("utf-8", "replace")).hexdigest()[:32]


def _reduce(text: str) -> str:
    text = _UNSEEN.sub("", _BLANKS.sub(" ", text))
    text = _LOGIN.sub("", _E_MAIL.sub(E_MAIL_MARK, text))
    text = _BUILD.sub(r"\1", _IN_APP.sub(r"\1", _QUERY.sub("", text)))
    shape = _MOZILLA.match(text)  # the same for everybody, and lists tell robots by it
    kept = shape[0] if shape else ""
    text = kept + _VERSION.sub(r"\1\2", text[len(kept) :])
    return _IDENTIFIER.sub("0", text).strip()[:KEPT].strip()
