"""Compare output with what a page shows; `...` stands for any text."""

import doctest
import json
from typing import Any

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def is_same_text(expected: str, found: str) -> bool:
    """Compare texts, ignoring white space."""
    return doctest.OutputChecker().check_output(expected.strip() + "\n", found.strip() + "\n", _FLAGS)


def is_same_json(expected: Any, found: Any) -> bool:
    """Compare values; a text of the page is compared as text, so that it may hold `...`."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(is_same_json(expected[key], found[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(is_same_json, expected, found))
    if isinstance(expected, str) and isinstance(found, str):
        return is_same_text(expected, found)
    return expected == "..." or expected == found


def shown(value: Any) -> str:
    """Return a value as a page would show it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
