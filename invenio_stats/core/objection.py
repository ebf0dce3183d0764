"""Decide whether a request objects to being counted, by what it carries."""

from collections.abc import Collection
from typing import Literal, NamedTuple, get_args

Signal = Literal["cookie", "gpc", "dnt"]
"""What an objection is read from: the visitor's choice, Global Privacy Control, or Do Not Track."""

SIGNALS: tuple[Signal, ...] = get_args(Signal)

HEADERS: dict[str, str] = {"gpc": "Sec-GPC", "dnt": "DNT"}
"""The request headers of the signals that browsers send."""

OBJECTING = "1"
"""The value of an objecting cookie or header: https://www.w3.org/TR/gpc/ defines no other value for `Sec-GPC`, and of
`DNT` 0 and null are consent and no wish (https://www.w3.org/TR/tracking-dnt/)."""

COOKIE_DAYS = 395
"""Days that a browser keeps a choice: 13 months, and less than the 400 days to which browsers cut a cookie."""


class Preferences(NamedTuple):
    """The cookie and the headers of a request, as they came; None is absent."""

    cookie: str | None = None
    gpc: str | None = None
    dnt: str | None = None


def find_objections(preferences: Preferences, heeded: Collection[str]) -> tuple[Signal, ...]:
    """Return the heeded signals by which a request objects, in the order of SIGNALS; none if it may be counted."""
    return tuple(
        signal
        for signal in SIGNALS
        if signal in heeded and any(map(is_objection, _values(signal, getattr(preferences, signal))))
    )


def _values(signal: Signal, sent: str | None) -> list[str]:
    """Return the values of a signal: several headers of one name, as of a browser and its extension, are one text."""
    return (sent or "").split(",") if signal in HEADERS else [sent or ""]


def is_objection(value: str | None) -> bool:
    """Return True if the value of a cookie or header objects."""
    return (value or "").strip() == OBJECTING


def needs_https(cookie: str) -> bool:
    """Return True for the name of a cookie that browsers keep only if it is `Secure`."""
    return cookie.lower().startswith(("__secure-", "__host-", "__http-"))


def needs_no_domain(cookie: str) -> bool:
    """Return True for the name of a cookie that browsers keep only if it has no `Domain`."""
    return cookie.lower().startswith("__host-")
