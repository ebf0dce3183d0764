"""Say in words what is true of a whole answer, for people who read a table."""

from collections.abc import Callable, Mapping
from typing import Any


def describe(value: Any, show: Callable[[Any], str]) -> str:
    """Return a value as text: names and values for a mapping, days and reason for a gap, `-` for an empty list.

    `show` writes what is neither.
    """
    if isinstance(value, Mapping):
        if "reason" in value:
            ends = dict.fromkeys((value["from"], value["to"]))  # a single day is one date
            return " ".join([" - ".join(ends), *filter(None, (value["event_type"], value["reason"]))])
        return ", ".join(f"{name} {describe(fact, show)}" for name, fact in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(describe(fact, show) for fact in value) or "-"
    return show(value)
