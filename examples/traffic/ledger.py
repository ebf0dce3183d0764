"""Record what was sent, and what COUNTER's rules make of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from traffic.model import Agency, Observation, Step, Thing, Visitor

WINDOW = 30
"""Seconds between clicks of one visitor on one thing that make them one (COUNTER 5.1, 7.2)."""

EVENT_TYPES = {"record": "record-view", "file": "file-download", "search": "search-made"}
"""What is counted of each kind of thing."""

SEARCHES = "search"
"""The shipped event type of searches, beside the library's own."""


@dataclass
class Usage:
    """What is counted of one thing."""

    count: int = 0
    sessions: set[tuple] = field(default_factory=set)

    @property
    def unique(self) -> int:
        """In how many sessions it was used."""
        return len(self.sessions)


@dataclass
class Ledger:
    """Every request of a run with its answer."""

    observations: list[Observation] = field(default_factory=list)

    def add_past(self, used: Iterable[dict[str, Any]]) -> None:
        """Add what was used before the run, each act with its `thing`, `visitor`, `agency` and `time`."""
        for act in used:
            step = Step(f"published, of {act['agency']} before", "", tuple(act["thing"]))
            visitor = Visitor(act["visitor"], None, act["agency"])
            self.observations.append(Observation(step, visitor, None, act["time"], act["time"], 200, None))

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """Return how many requests of each kind were sent, and how many were answered as they had to be."""
        sent = Counter(seen.step.kind for seen in self.observations)
        as_expected = Counter(seen.step.kind for seen in self.observations if seen.status == seen.step.status)
        return {kind: (count, as_expected[kind]) for kind, count in sent.most_common()}

    def unexpected(self) -> Iterable[Observation]:
        """Yield what was answered otherwise than it had to be."""
        return (seen for seen in self.observations if seen.status != seen.step.status)

    def clicks(self, agency: Agency) -> list[Observation]:
        """Return the acts of use, double clicks being one, each as its last click."""
        chains: dict[tuple, list[Observation]] = defaultdict(list)
        for seen in sorted(self.observations, key=lambda seen: seen.started):
            if seen.visitor.agency == agency and _is_use(seen):
                chains[(seen.step.thing, _who(seen))].append(seen)
        return [click for chain in chains.values() for click in _last_clicks(chain)]

    def events(self) -> dict[str, Counter]:
        """Return, per event type, how many acts of use people, robots and machines made.

        Of the shipped type of searches, two are never one: they are no double clicks.
        """
        found: dict[str, Counter] = {name: Counter() for name in (*EVENT_TYPES.values(), SEARCHES)}
        found[SEARCHES].update(
            seen.visitor.agency for seen in self.observations if _is_use(seen) and seen.step.thing[0] == "search"
        )
        for agency in ("people", "robots", "machines"):
            for click in self.clicks(agency):
                found[EVENT_TYPES[click.step.thing[0]]][agency] += 1
        return found

    def usage(self) -> dict[Thing, Usage]:
        """Return what is to be counted of each thing that people used."""
        found: dict[Thing, Usage] = defaultdict(Usage)
        for click in self.clicks("people"):
            found[click.step.thing].count += 1
            found[click.step.thing].sessions.add(session_of(click))
        return dict(found)


def _is_use(seen: Observation) -> bool:
    """Say whether the thing was really given to the visitor (COUNTER 5.1, 3.3.8); of pieces, the first."""
    if seen.step.thing is None or seen.step.method != "GET":
        return False
    return seen.status in (200, 304) or (seen.status == 206 and (seen.content_range or "").startswith("bytes 0-"))


def _who(seen: Observation) -> tuple:
    """Return the visitor as COUNTER tells them apart: by account, else by address and agent."""
    return (seen.visitor.email,) if seen.session else (seen.visitor.address, seen.visitor.agent or "")


def session_of(seen: Observation) -> tuple:
    """Return the session of a request: a signed-in one with its date, else the visitor in this hour."""
    unit = 86400 if seen.session else 3600
    return (seen.session or _who(seen), int(seen.started // unit))


def _last_clicks(chain: list[Observation]) -> list[Observation]:
    """Return the clicks that no other one follows within the window."""
    followed = zip(chain, chain[1:], strict=False)
    return [click for click, later in followed if later.started - click.started > WINDOW] + chain[-1:]
