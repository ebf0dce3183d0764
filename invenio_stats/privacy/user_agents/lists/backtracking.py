"""Find regular expressions that may take seconds for one user agent, which anybody can send."""

import re
from collections.abc import Iterable
from math import prod
from typing import Any, NamedTuple

MAX_STEPS = 100_000_000
"""Steps that a pattern may take at most for one user agent: about a second. Usual ones take a few thousand."""

_CHARACTERS = 1_000
"""Of a user agent, as many as are looked at."""

_LONG = 50
"""A repeat of more than so many times is one of any length."""

_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_SINGLE = ("ANY", "CATEGORY", "IN", "LITERAL", "NOT_LITERAL")
"""What matches one character."""


class _Cost(NamedTuple):
    """How much there is to try at one place of a text."""

    long_repeats: int = 0
    """Repeats of any length of one character: each tries every length."""
    ways: int = 1
    """Ways in which the rest can match: optional parts, alternatives and short repeats."""
    is_nested: bool = False
    """True if a group is repeated any number of times: the ways may double with each character."""


def explain_cost(pattern: str) -> str | None:
    """Return why a valid pattern may take seconds, as in "it repeats ..."; None if it does not."""
    parsed = list(_parse(pattern))
    cost = _cost_of_all(parsed)
    if cost.is_nested:
        return "it repeats a group any number of times"
    is_at_start = bool(parsed) and str(parsed[0][0]) == "AT" and str(parsed[0][1]).startswith("AT_BEGINNING")
    places = 1 if is_at_start else _CHARACTERS
    if places * cost.ways * _CHARACTERS**cost.long_repeats > MAX_STEPS:
        return "its repeats, alternatives and optional parts can match in too many ways"
    return None


def _parse(pattern: str) -> Iterable[Any]:
    parser: Any = getattr(re, "_parser", None)
    if parser is None:  # before Python 3.11
        import sre_parse as parser
    parsed: Iterable[Any] = parser.parse(pattern, re.IGNORECASE)
    return parsed


def _cost_of_all(elements: Iterable[Any]) -> _Cost:
    """Return the cost of elements that follow each other."""
    costs = [_cost_of(str(code), about) for code, about in elements]
    return _Cost(
        sum(cost.long_repeats for cost in costs),
        prod(cost.ways for cost in costs),
        any(cost.is_nested for cost in costs),
    )


def _cost_of(code: str, about: Any) -> _Cost:
    if code in _REPEATS:
        least, most, body = about
        return _cost_of_repeat(int(least), int(most), body)
    if code in ("BRANCH", "GROUPREF_EXISTS"):
        parts = about[1] if code == "BRANCH" else [part for part in about[1:] if part is not None]
        costs = [_cost_of_all(part) for part in parts]
        return _Cost(
            max(cost.long_repeats for cost in costs),
            sum(cost.ways for cost in costs),
            any(cost.is_nested for cost in costs),
        )
    if code in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
        return _cost_of_all(about[-1])
    return _cost_of_all(about) if code == "ATOMIC_GROUP" else _Cost()


def _cost_of_repeat(least: int, most: int, body: Iterable[Any]) -> _Cost:
    if most > _LONG:
        return _Cost(long_repeats=1, is_nested=not _is_single(body))
    inner = _cost_of_all(body)
    return _Cost(inner.long_repeats * most, (most - least + 1) * inner.ways**most, inner.is_nested)


def _is_single(body: Iterable[Any]) -> bool:
    """Return True for one character, also in a group."""
    elements = list(body)
    if len(elements) != 1:
        return False
    code, about = elements[0]
    return str(code) in _SINGLE or (str(code) == "SUBPATTERN" and _is_single(about[-1]))
