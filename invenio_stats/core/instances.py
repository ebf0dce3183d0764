"""Names of instances, by which those that share a spool, a cache or a virtual host of the broker are told apart."""

import hashlib
import hmac

_NO_PREFIX = "no prefix, key "
_TAG_DIGITS = 8


def instance_name(prefix: str | None, secret_key: str | bytes | None) -> str:
    """Return the name of an instance: its SEARCH_INDEX_PREFIX, or a keyed hash if it has none.

    All processes of an instance have the same name. The hash tells less about SECRET_KEY than any signed cookie does.
    """
    if prefix:
        return prefix
    key = secret_key.encode() if isinstance(secret_key, str) else secret_key or b""
    return _NO_PREFIX + hmac.new(key, b"invenio-stats instance", hashlib.sha256).hexdigest()[:_TAG_DIGITS]


def may_be_same(name: str, other: str) -> bool:
    """Return True if two names may be of one instance: without a prefix, a new SECRET_KEY changes the name."""
    return name == other or (name.startswith(_NO_PREFIX) and other.startswith(_NO_PREFIX))


def file_tag(name: str) -> str:
    """Return a part of a file's name for an instance; it is the same for all names that may be those of one."""
    stable = _NO_PREFIX if name.startswith(_NO_PREFIX) else name
    return hashlib.sha256(stable.encode()).hexdigest()[:_TAG_DIGITS]
