"""Write an answer as JSON, piece by piece."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

ITEMS_AT_ONCE = 1_000
"""Items of a list in one piece of a stream."""


def write_json(answer: Mapping[str, Any], dumps: Callable[[Any], str]) -> Iterator[str]:
    """Yield the object in pieces, none of which has a whole long list; `dumps` is that of the application."""
    start = "{"
    for name, value in answer.items():
        yield f"{start}{dumps(str(name))}:"
        start = ","
        if isinstance(value, list) and len(value) > ITEMS_AT_ONCE:
            yield from _write_list(value, dumps)
        else:
            yield dumps(value)
    yield "{}" if start == "{" else "}"


def _write_list(items: list[Any], dumps: Callable[[Any], str]) -> Iterator[str]:
    for first in range(0, len(items), ITEMS_AT_ONCE):
        yield ("," if first else "[") + dumps(items[first : first + ITEMS_AT_ONCE])[1:-1]
    yield "]"
