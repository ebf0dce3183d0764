"""Give each value of a parameter one written form, before permission is asked and before anything filters by it."""

import re
from math import inf
from numbers import Number
from typing import Any
from uuid import UUID

MAX_NUMBER = 2**63
"""Upper bound of numbers (exclusive): the search engine's integers have 64 bits."""

_NUMBER = re.compile(
    r"[\0-\x20]*(?:"
    r"(?P<decimal>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?"
    r"|(?P<hex>[+-]?0[xX](?:[0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?"
    r"|(?P<name>[+-]?(?:NaN|Infinity))"
    r")[\0-\x20]*"
)
"""All that Java, and therefore the search engine, reads as a number; matched in linear time."""


class NumberText(str):
    """A text that a field of numbers would read as a number. It equals this number as well as the same text.

    So a permission factory may compare a parameter with 7 or with "7", and "07", "+7" and "7.0" equal 7 too. In a set
    or as the key of a dict it is found as a text only.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Number) and not isinstance(other, bool):
            return _read(self) == other
        return str.__eq__(self, other)

    __ne__ = object.__ne__
    __hash__ = str.__hash__


def canonical(value: Any) -> Any:
    """Return a text for a text, number or UUID, and a list of texts for a list of them; anything else stays as it is.

    Texts never change, because a keyword field distinguishes all of them. 42, 42.0 and "42" are one. The canonical form
    of a canonical form is itself.
    """
    if isinstance(value, str):
        return NumberText(value) if _NUMBER.fullmatch(value) else value
    if isinstance(value, list | tuple):
        return [item if isinstance(item, list | tuple) else canonical(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Others, NaN and infinity among them, are rejected by the filter and quoted as they were given.
        return NumberText(_write(value)) if -MAX_NUMBER <= value < MAX_NUMBER else value
    return str(value) if isinstance(value, UUID) else value


def is_other_spelling(text: str) -> bool:
    """Return True if a field of numbers would read a text as a number whose canonical form is another text."""
    if not _NUMBER.fullmatch(text):
        return False
    number = _read(text)
    return not -MAX_NUMBER <= number < MAX_NUMBER or _write(number) != text


def _write(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(float(number))


def _read(text: str) -> float:
    """Return the number that a text spells; infinity if it is too large for a float."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no number")
    if found["hex"]:
        return _read_hex(found["hex"])
    try:
        return int(found["decimal"] or found["name"])
    except ValueError:
        return float(found["decimal"] or found["name"])


def _read_hex(text: str) -> float:
    try:
        return float.fromhex(text)
    except OverflowError:
        return -inf if text.startswith("-") else inf
