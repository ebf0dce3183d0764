"""Leasing: the part that a run takes in the work of its aggregation, in a document that all its runs share."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from invenio_search.utils import prefix_index

from invenio_stats.core import leases, mappings, names, quarantine
from invenio_stats.core.leases import Claim, Lease
from invenio_stats.core.quarantine import QuarantinedTotal
from invenio_stats.errors import EngineUnavailableError, LeaseLostError
from invenio_stats.search.indices import create_index
from invenio_stats.search.multi_get import Found
from invenio_stats.search.versions import SharedDocument, Source

BODY: mappings.Body = {"settings": mappings.INDEX_SETTINGS, "mappings": {"dynamic": False, "properties": {}}}
"""The index: one document for each aggregation, read by its id only."""

EVENTS_AT_ONCE = 20_000
"""Events whose intervals a run takes in one go; the others are for runs beside it."""

_ATTEMPTS = 20
_LONGEST_PAUSE = 0.05
"""Seconds, so that runs which claim at the same time do not meet again at once."""

Clock = Callable[[], datetime]
T = TypeVar("T")


def quarantined_totals(client: Any, name: str) -> list[QuarantinedTotal]:
    """Return the totals that an aggregation has quarantined."""
    found = client.get(index=prefix_index(names.LOCKS), id=name, ignore=[404])
    return quarantine.read_quarantined(found.get("_source", {}))


def lease_document(name: str) -> dict[str, str]:
    """Return where the document is that the runs of an aggregation share."""
    return {"_index": prefix_index(names.LOCKS), "_id": name}


class RunLease:
    """One run's part.

    A run that gives no sign of life for as long as `life` is given up: others take what it held, and it meets
    LeaseLostError when it comes back.
    """

    is_overfull = False
    """Whether more failed than can be quarantined."""

    def __init__(
        self, client: Any, name: str, life: timedelta, begun: datetime, clock: Clock, read: Found | None = None
    ):
        """Read what is quarantined; the run began before it read anything else.

        `read` is the document that the runs share, where it has just been read.
        """
        self.client = client
        self.name = name
        self._life = life
        self._clock = clock
        self._own = Lease(uuid4().hex, begun=begun, alive=begun)
        self._is_known = False
        index = prefix_index(names.LOCKS)
        self._document = SharedDocument(client, index, name, partial(create_index, client, index, BODY), read)

    @property
    def begun(self) -> datetime:
        """Return when the run began."""
        return self._own.begun

    @property
    def quarantined(self) -> list[QuarantinedTotal]:
        """Return the totals that earlier runs have quarantined."""
        return quarantine.read_quarantined(self._document.source)

    def set_since(self, mark: datetime | None) -> None:
        """Say from which moment on the run counts what changed; None for everything."""
        self._own = replace(self._own, since=mark)

    def claim(self, wanted: Mapping[datetime, int], undone: Collection[datetime] = ()) -> Claim:
        """Take intervals of those that are wanted, with their numbers of events; what was held before is done.

        Others need not do it again, but for the `undone`, of which something failed.
        """
        done = tuple(start for start in (*self._own.done, *self._own.holds) if start not in undone)

        def take(others: list[Lease]) -> tuple[Lease, Claim]:
            own = replace(self._own, done=done, holds=(), alive=self._clock())
            claim = leases.claim(others, own, wanted, EVENTS_AT_ONCE)
            return replace(own, holds=tuple(claim.granted)), claim

        return self._change(take)

    def heartbeat(self) -> None:
        """Give a sign of life, if the last one is a while ago; LeaseLostError when the run was given up."""
        if self._clock() - self._own.alive > self._life / 4:
            self._change(lambda others: (replace(self._own, alive=self._clock()), None))

    def release(self, failed: Collection[QuarantinedTotal] = (), undone: Collection[datetime] = ()) -> datetime | None:
        """Give up what is held, and quarantine what failed; `undone` are intervals that were not finished.

        Returns when the first of the runs began that were at work meanwhile, or None where there was no other.
        LeaseLostError where this one was given up.
        """
        if not self._is_known:
            return None
        done = {*self._own.done, *self._own.holds} - set(undone)
        worked = done | {one.start for one in failed} - set(undone)
        own = replace(leases.end(self._own, self._clock()), done=tuple(sorted(done)))

        def leave(others: list[Lease]) -> tuple[Lease, datetime | None]:
            return own, leases.earliest_start(others, own.token)

        def quarantine_failed(known: Iterable[QuarantinedTotal]) -> list[QuarantinedTotal]:
            found = quarantine.after_run(known, worked, failed)
            self.is_overfull = len(found) > quarantine.MAX_QUARANTINED
            return found[: quarantine.MAX_QUARANTINED]

        return self._change(leave, quarantine_failed)

    def revoke_others(self) -> None:
        """Give up all other runs: what they have counted is old. Each meets LeaseLostError at its next step."""

        def revoke(source: Source) -> Source | None:
            return {**source, "leases": []} if source.get("leases") else None

        if not self._document.change(revoke, _ATTEMPTS, _LONGEST_PAUSE):
            raise EngineUnavailableError(f"The leases of {self.name!r} are in use by others. Try again.")

    def _change(
        self,
        make: Callable[[list[Lease]], tuple[Lease, T]],
        quarantine_failed: Callable[[Iterable[QuarantinedTotal]], list[QuarantinedTotal]] = list,
    ) -> T:
        """Put a new lease in the place of our own, by compare-and-set."""
        made: list[tuple[Lease, T]] = []

        def put_own(source: Source) -> Source:
            others = [one for one in leases.read_leases(source) if one.token != self._own.token]
            if self._is_known and len(others) == len(source["leases"]):
                raise LeaseLostError(self.name)
            now = self._clock()
            own, result = make(leases.drop_dead([*others, replace(self._own, alive=now)], now, self._life))
            made[:] = [(own, result)]
            return {
                "leases": leases.write_leases(leases.drop_dead([*others, own], now, self._life)),
                "quarantined": quarantine.write_quarantined(quarantine_failed(quarantine.read_quarantined(source))),
            }

        if not self._document.change(put_own, _ATTEMPTS, _LONGEST_PAUSE):
            raise EngineUnavailableError(f"The leases of {self.name!r} are in use by others. The next run tries again.")
        ((self._own, result),) = made
        self._is_known = True
        return result
