"""Describe an unusual day or month, and what a person has decided about it."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from invenio_stats.core.moments import iso_zoned, parse, parse_calendar, to_second
from invenio_stats.core.unusual_days import What

State = Literal["open", "excluded", "kept"]
STATES: tuple[State, ...] = ("open", "excluded", "kept")

_DAY = len("2026-05-02")
_SELECTED = frozenset({"item", "agent_class", "country", "host"})
"""What a selection of events may name."""
_ID = r"\d{4}-\d{2}(-\d{2})?-[0-9a-f]{8}"


def is_id(text: str) -> bool:
    """Return whether a text has the form of an id; any other is that of no anomaly, and may be none of the engine's."""
    return re.fullmatch(_ID, text, re.ASCII) is not None


class Anomaly(NamedTuple):
    """An unusual day or month: a document of `stats-anomalies`."""

    period: str
    """A day, '2026-05-02', or a month, '2026-05'."""
    what: What
    value: str
    """An item, a class of agents, a country, a host, a customer; "" for the repository, or if it is not known."""
    number: int
    usual: float
    """Of a day the median of the same weekdays before, of a month the mean of the months before."""
    found: datetime
    spike: Literal["high", "low"] = "high"
    """Low is a month with hardly any use."""
    state: State = "open"
    note: str = ""
    """Why a person has decided so."""
    decided: datetime | None = None
    selection: Mapping[str, str] = {}
    """Which events of the day are excluded: those that have all of these values; see `operations.exclusions`."""
    events: int = 0
    """Number of stored events that are excluded."""
    is_done: bool = True
    """False while events are being excluded or included again; if that was interrupted, the next night finishes it."""

    @property
    def id(self) -> str:
        """Its name: period, and a hash of what it is about. Found again, it has the same."""
        return f"{self.period}-{hashlib.sha256(f'{self.what}:{self.value}'.encode()).hexdigest()[:8]}"

    @property
    def is_day(self) -> bool:
        """True for a day, False for a month."""
        return len(self.period) == _DAY

    @property
    def is_undecided(self) -> bool:
        """True if no event is excluded by it, and nobody wants to keep them."""
        return self.state == "open" and self.is_done

    def as_source(self) -> dict[str, Any]:
        """Return the document to store."""
        moments = {name: _as_text(moment) for name, moment in (("found", self.found), ("decided", self.decided))}
        return {**self._asdict(), **moments}

    @classmethod
    def from_source(cls, source: Mapping[str, Any]) -> "Anomaly":
        """Return the anomaly in a stored document; ValueError, KeyError or TypeError if it is none."""
        known = {name: source[name] for name in cls._fields if name in source}
        known["found"] = parse(source["found"])
        known["decided"] = parse(source["decided"]) if source.get("decided") else None
        anomaly = cls(**known)
        if not anomaly._is_whole():
            raise ValueError(f"{anomaly.id!r} is no unusual day or month.")
        return anomaly

    def _is_whole(self) -> bool:
        """Return whether all fields have what they may have; ValueError if the period is none."""
        selection = dict(self.selection)
        texts = (self.period, self.value, self.note, *selection.values())
        has_texts = all(isinstance(text, str) for text in texts) and _SELECTED.issuperset(selection)
        has_numbers = all(type(number) in (int, float) for number in (self.number, self.usual, self.events))
        is_known = self.what in get_args(What) and self.state in STATES and self.spike in ("high", "low")
        return has_texts and has_numbers and is_known and is_id(self.id) and bool(parse_calendar(self.period))

    def decide(self, state: State, note: str, now: datetime) -> "Anomaly":
        """Return it with a decision; one that is open again has none."""
        return self._replace(state=state, note=note, decided=None if state == "open" else now)


def _as_text(moment: datetime | None) -> str | None:
    return None if moment is None else iso_zoned(to_second(moment))
