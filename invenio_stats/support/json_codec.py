"""Wire: JSON as it goes to broker and engine, and comes from them."""

import json
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

import orjson

_NESTED = frozenset((dict, list, tuple))
_AS_ELSEWHERE = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def encode(thing: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """Return something as JSON; TypeError, ValueError or RecursionError for what is none.

    :param default: makes JSON of what is not, as for `json.dumps`.
    """
    try:
        text = orjson.dumps(thing, default, _AS_ELSEWHERE)
        if b"null" not in text or _are_finite([thing]):
            return text
    except TypeError:  # half characters, numbers of more than 64 bits, keys that are no text
        pass
    return json.dumps(thing, ensure_ascii=False, separators=(",", ":"), default=default).encode(
        "utf-8", "surrogatepass"
    )


def _are_finite(things: Iterable[Any]) -> bool:
    """Say whether every number is one: others would become nothing, where they have to be refused."""
    for one in things:
        kind = type(one)
        if kind is float and not isfinite(one):
            return False
        if kind in _NESTED and not _are_finite(one.values() if kind is dict else one):
            return False
    return True


def decode(text: bytes) -> Any:
    """Return what JSON holds; ValueError for what is none."""
    try:
        return orjson.loads(text)
    except ValueError:  # half characters and numbers that are none, which the standard library takes
        return json.loads(text.decode("utf-8", "surrogatepass"))
