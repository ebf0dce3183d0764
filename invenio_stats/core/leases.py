"""Leases: which run of an aggregation counts which intervals, when several runs go on at once.

All leases of an aggregation lie in one document, which is changed by compare-and-set. Only one run works on an interval
at a time, and a bookmark never passes the moment that another run began which was at work meanwhile: what a run
counted too early, the next one counts again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from invenio_stats.core.moments import iso_zoned, parse


@dataclass(frozen=True)
class Lease:
    """What one run has claimed."""

    token: str
    begun: datetime
    """Before it counted anything: what was stored later it may have missed."""
    alive: datetime
    """Its last sign of life."""
    since: datetime | None = None
    """From which moment on it counts what changed; None for everything."""
    holds: tuple[datetime, ...] = ()
    """Starts of the intervals that it works on."""
    done: tuple[datetime, ...] = ()
    """Starts of the intervals that it has counted and written."""
    ended: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether the run has not come to its end, as far as one knows."""
        return self.ended is None

    def covers(self, other: "Lease") -> bool:
        """Say whether an interval that this run has done needs not be done by the other, which overlaps it."""
        overlaps = self.ended is None or self.ended >= other.begun
        return overlaps and (self.since is None or (other.since is not None and self.since <= other.since))


class Claim(NamedTuple):
    """What a run gets of the intervals that it wants; the rest is being worked on by others."""

    granted: list[datetime]
    spared: list[datetime]
    """What others have done already."""


def living(leases: Iterable[Lease], now: datetime, life: timedelta) -> list[Lease]:
    """Leave out the runs that gave no sign of life for so long, and those that have ended and overlap nobody."""
    known = [one for one in leases if not one.is_active or now - one.alive <= life]
    begun = [one.begun for one in known if one.is_active]
    return [one for one in known if one.ended is None or any(moment <= one.ended for moment in begun)]


def claim(leases: Sequence[Lease], own: Lease, wanted: Mapping[datetime, int], most: int) -> Claim:
    """Say which of the wanted intervals a run gets: at least one, and more while their events together are few.

    `wanted` says how many events each interval has, in order; `most` is how many are enough.
    """
    others = [one for one in leases if one.token != own.token]
    held = {start for one in others if one.is_active for start in one.holds}
    done = {start for one in others if one.covers(own) for start in one.done}
    spared = [start for start in wanted if start in done]
    free = [start for start in wanted if start not in done and start not in held]
    weights = accumulate(wanted[start] for start in free)
    return Claim([start for start, weight in zip(free, weights, strict=True) if weight - wanted[start] < most], spared)


def earliest(leases: Iterable[Lease], token: str) -> datetime | None:
    """Return when the first of the other runs began, or None where there is no other."""
    return min((one.begun for one in leases if one.token != token), default=None)


def ended(own: Lease, now: datetime) -> Lease:
    """Return the lease of a run that has come to its end, in whatever way."""
    return replace(own, holds=(), alive=now, ended=now)


def read_leases(source: Mapping[str, Any]) -> list[Lease]:
    """Return the leases in the document of an aggregation."""
    return [
        Lease(
            token=one["token"],
            begun=parse(one["begun"]),
            alive=parse(one["alive"]),
            since=parse(one["since"]) if one.get("since") else None,
            holds=tuple(map(parse, one.get("holds", ()))),
            done=tuple(map(parse, one.get("done", ()))),
            ended=parse(one["ended"]) if one.get("ended") else None,
        )
        for one in source.get("leases", ())
    ]


def write_leases(leases: Iterable[Lease]) -> list[dict[str, Any]]:
    """Return leases as the document holds them."""
    return [
        {
            "token": one.token,
            "begun": iso_zoned(one.begun),
            "alive": iso_zoned(one.alive),
            "since": one.since and iso_zoned(one.since),
            "holds": list(map(iso_zoned, one.holds)),
            "done": list(map(iso_zoned, one.done)),
            "ended": one.ended and iso_zoned(one.ended),
        }
        for one in leases
    ]
