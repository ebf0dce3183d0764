"""Find months of which a customer's numbers are worth a person's look."""

from collections.abc import Sequence
from typing import Literal

Spike = Literal["high", "low"]

MONTHS = 12
"""Months before that a month is compared with."""

MIN_MONTHS = 3
"""With fewer closed months before it, a month is not compared."""

_FACTOR = 3
_ADDEND = 100
_MIN_MEAN = 20
_MIN_SHARE = 0.01


def find_spike(number: int, before: Sequence[int]) -> Spike | None:
    """Return "high" or "low" for a number that is out of line with those of the months before; else None.

    It is high from three times their mean plus 100 on, and low below a hundredth of the mean, if the mean is at least
    20 (COUNTER 5.1, on spikes; see docs/counter).
    """
    known = before[-MONTHS:]
    if len(known) < MIN_MONTHS:
        return None
    mean = sum(known) / len(known)
    if number >= _FACTOR * mean + _ADDEND:
        return "high"
    return "low" if mean >= _MIN_MEAN and number < _MIN_SHARE * mean else None
