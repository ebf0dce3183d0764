"""Encode and decode the JSON that is exchanged with the broker and the search engine."""

import json
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

import orjson

_CONTAINERS = frozenset((dict, list, tuple))
_LIKE_STDLIB = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

_DIGITS_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_ZEROS = b"0" * 19
"""As many digits as the shortest whole number of more than 64 bits has."""


def encode(thing: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """Return an object as JSON in UTF-8; TypeError, ValueError or RecursionError if it cannot be encoded.

    :param default: converts an object that JSON does not have, as in `json.dumps`.
    """
    try:
        text = orjson.dumps(thing, default, _LIKE_STDLIB)
        if b"null" not in text or _are_finite([thing]):
            return text
    except TypeError:  # unpaired surrogates, integers of more than 64 bits, keys that are not strings
        pass
    return json.dumps(thing, ensure_ascii=False, separators=(",", ":"), default=default).encode(
        "utf-8", "surrogatepass"
    )


def _are_finite(values: Iterable[Any]) -> bool:
    """Return True if all numbers are finite. orjson encodes NaN and infinity as null, but they must be rejected."""
    for value in values:
        kind = type(value)
        if kind is float and not isfinite(value):
            return False
        if kind in _CONTAINERS and not _are_finite(value.values() if kind is dict else value):
            return False
    return True


def decode(text: bytes, has_small_numbers: bool = False) -> Any:
    """Parse JSON; raise ValueError if the text is not valid. Whole numbers of any size come back as they were.

    :param has_small_numbers: whether all whole numbers are known to have at most 64 bits. orjson returns longer ones as
        floats, and to look for them takes as long as to parse the text.
    """
    if not has_small_numbers and _ZEROS in text.translate(_DIGITS_TO_ZEROS):
        return json.loads(text.decode("utf-8", "surrogatepass"))
    try:
        return orjson.loads(text)
    except ValueError:  # unpaired surrogates, NaN and infinity, which the standard library accepts
        return json.loads(text.decode("utf-8", "surrogatepass"))
