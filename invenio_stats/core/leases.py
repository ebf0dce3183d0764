"""Divide the intervals of an aggregation among concurrent runs by leases.

All leases of an aggregation are in one document, which is changed by compare-and-set. Only one run at a time works on
an interval. The bookmark of a run never passes the start of another run that was active at the same time, so that the
next run counts again what this one counted too early.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from invenio_stats.core.moments import iso_zoned, parse


@dataclass(frozen=True)
class Lease:
    """The intervals that one run has claimed and counted."""

    token: str
    begun: datetime
    """When the run started, before it counted anything; it may have missed events stored later."""
    alive: datetime
    """Time of the run's last heartbeat."""
    since: datetime | None = None
    """The run counts the intervals changed since this moment; None if it counts all."""
    holds: tuple[datetime, ...] = ()
    """Starts of the intervals that the run works on."""
    done: tuple[datetime, ...] = ()
    """Starts of the intervals that the run has counted and written."""
    ended: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether the run has not reported its end."""
        return self.ended is None

    def covers(self, other: "Lease") -> bool:
        """Return True if an interval done by this run need not be done by the other, because the two overlap."""
        overlaps = self.ended is None or self.ended >= other.begun
        return overlaps and (self.since is None or (other.since is not None and self.since <= other.since))


class Claim(NamedTuple):
    """The part of the wanted intervals that a run may count; other runs are working on the rest."""

    granted: list[datetime]
    spared: list[datetime]
    """Intervals that other runs have already done."""


def drop_dead(leases: Iterable[Lease], now: datetime, life: timedelta) -> list[Lease]:
    """Return the leases without active ones silent for longer than `life` and ended ones that overlap no active run."""
    known = [lease for lease in leases if not lease.is_active or now - lease.alive <= life]
    begun = [lease.begun for lease in known if lease.is_active]
    return [lease for lease in known if lease.ended is None or any(moment <= lease.ended for moment in begun)]


def claim(leases: Sequence[Lease], own: Lease, wanted: Mapping[datetime, int], limit: int) -> Claim:
    """Return the wanted intervals that a run may count: at least one free interval, more up to a number of events.

    `wanted` maps each interval, in order, to its number of events; no further interval is granted once those granted
    have `limit` events together.
    """
    others = [lease for lease in leases if lease.token != own.token]
    held = {start for lease in others if lease.is_active for start in lease.holds}
    done = {start for lease in others if lease.covers(own) for start in lease.done}
    spared = [start for start in wanted if start in done]
    free = [start for start in wanted if start not in done and start not in held]
    sums = accumulate(wanted[start] for start in free)
    granted = [start for start, events in zip(free, sums, strict=True) if events - wanted[start] < limit]
    return Claim(granted, spared)


def earliest_start(leases: Iterable[Lease], token: str) -> datetime | None:
    """Return when the first of the other runs began, or None if there is no other run."""
    return min((lease.begun for lease in leases if lease.token != token), default=None)


def end(own: Lease, now: datetime) -> Lease:
    """Return the lease of a run that has ended, with or without success."""
    return replace(own, holds=(), alive=now, ended=now)


def read_leases(source: Mapping[str, Any]) -> list[Lease]:
    """Return the leases stored in the document of an aggregation."""
    return [
        Lease(
            token=entry["token"],
            begun=parse(entry["begun"]),
            alive=parse(entry["alive"]),
            since=parse(entry["since"]) if entry.get("since") else None,
            holds=tuple(map(parse, entry.get("holds", ()))),
            done=tuple(map(parse, entry.get("done", ()))),
            ended=parse(entry["ended"]) if entry.get("ended") else None,
        )
        for entry in source.get("leases", ())
    ]


def write_leases(leases: Iterable[Lease]) -> list[dict[str, Any]]:
    """Return leases in the form in which the document of an aggregation stores them."""
    return [
        {
            "token": lease.token,
            "begun": iso_zoned(lease.begun),
            "alive": iso_zoned(lease.alive),
            "since": lease.since and iso_zoned(lease.since),
            "holds": list(map(iso_zoned, lease.holds)),
            "done": list(map(iso_zoned, lease.done)),
            "ended": lease.ended and iso_zoned(lease.ended),
        }
        for lease in leases
    ]
