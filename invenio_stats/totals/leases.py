"""Divide the intervals of an aggregation between concurrent runs by leases, kept in one document that they share."""

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
from invenio_stats.search.multi_get import Found, read_one
from invenio_stats.search.versions import SharedDocument, Source

BODY: mappings.Body = {"settings": mappings.INDEX_SETTINGS, "mappings": {"dynamic": False, "properties": {}}}
"""Body of the index with one document for each aggregation, which is read by its id only."""

EVENTS_PER_CLAIM = 20_000
"""A run claims intervals until they have this many events, and leaves the others to concurrent runs."""

_MAX_ATTEMPTS = 20
_MAX_PAUSE_SECONDS = 0.05
"""Pauses of random length keep runs that claim at the same time from conflicting again."""

Clock = Callable[[], datetime]
T = TypeVar("T")


def quarantined_totals(client: Any, name: str) -> list[QuarantinedTotal]:
    """Return the totals that an aggregation has quarantined."""
    found = read_one(client, prefix_index(names.LOCKS), name)
    return quarantine.read_quarantined(found.get("_source", {}))


def lease_document(name: str) -> dict[str, str]:
    """Return index and id of the document that the runs of an aggregation share."""
    return {"_index": prefix_index(names.LOCKS), "_id": name}


class RunLease:
    """The lease of one run.

    It expires if the run sends no heartbeat for `life`. Other runs then claim its intervals, and its next call raises
    LeaseLostError.
    """

    is_overfull = False
    """Whether more totals failed than can be quarantined."""

    def __init__(
        self, client: Any, name: str, life: timedelta, begun: datetime, clock: Clock, read: Found | None = None
    ):
        """Read the shared document. `begun` must be a time before the run read anything else.

        `read` is the shared document, if the caller has just read it.
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
        """Return the start of the run."""
        return self._own.begun

    @property
    def quarantined(self) -> list[QuarantinedTotal]:
        """Return the totals that earlier runs quarantined."""
        return quarantine.read_quarantined(self._document.source)

    def set_since(self, mark: datetime | None) -> None:
        """Set the time from which on the run counts changes; None if it counts everything."""
        self._own = replace(self._own, since=mark)

    def claim(self, wanted: Mapping[datetime, int], unfinished: Collection[datetime] = ()) -> Claim:
        """Claim some of the wanted intervals, given with their numbers of events; marks those held before as done.

        Concurrent runs skip intervals that are done. `unfinished` are intervals in which a total failed: they are not
        marked.
        """
        done = tuple(start for start in (*self._own.done, *self._own.holds) if start not in unfinished)

        def take(others: list[Lease]) -> tuple[Lease, Claim]:
            own = replace(self._own, done=done, holds=(), alive=self._clock())
            claim = leases.claim(others, own, wanted, EVENTS_PER_CLAIM)
            return replace(own, holds=tuple(claim.granted)), claim

        return self._change(take)

    def heartbeat(self) -> None:
        """Renew the lease if a quarter of its life has passed; LeaseLostError if it has expired or was revoked."""
        if self._clock() - self._own.alive > self._life / 4:
            self._change(lambda others: (replace(self._own, alive=self._clock()), None))

    def release(
        self, failed: Collection[QuarantinedTotal] = (), unfinished: Collection[datetime] = ()
    ) -> datetime | None:
        """Release the lease, and quarantine the failed totals; `unfinished` are intervals to be counted again.

        Returns the start of the earliest concurrent run, or None if there was none. LeaseLostError if the lease has
        expired or was revoked.
        """
        if not self._is_known:
            return None
        done = {*self._own.done, *self._own.holds} - set(unfinished)
        worked = done | {total.start for total in failed} - set(unfinished)
        own = replace(leases.end(self._own, self._clock()), done=tuple(sorted(done)))

        def leave(others: list[Lease]) -> tuple[Lease, datetime | None]:
            return own, leases.earliest_start(others, own.token)

        def quarantine_failed(known: Iterable[QuarantinedTotal]) -> list[QuarantinedTotal]:
            totals = quarantine.after_run(known, worked, failed)
            self.is_overfull = len(totals) > quarantine.MAX_QUARANTINED
            return totals[: quarantine.MAX_QUARANTINED]

        return self._change(leave, quarantine_failed)

    def revoke_others(self) -> None:
        """Revoke the leases of all other runs, whose counts are outdated: their next calls raise LeaseLostError."""

        def revoke(source: Source) -> Source | None:
            return {**source, "leases": []} if source.get("leases") else None

        if not self._document.change(revoke, _MAX_ATTEMPTS, _MAX_PAUSE_SECONDS):
            raise EngineUnavailableError(f"Other runs keep changing the leases of {self.name!r}. Try again.")

    def _change(
        self,
        make: Callable[[list[Lease]], tuple[Lease, T]],
        quarantine_failed: Callable[[Iterable[QuarantinedTotal]], list[QuarantinedTotal]] = list,
    ) -> T:
        """Replace this run's lease in the shared document by compare-and-set; return the result of `make`.

        `make` gets the living leases of the other runs. It is called again after each conflict, so it must decide by
        its argument only.
        """
        made: list[tuple[Lease, T]] = []

        def put_own(source: Source) -> Source:
            stored = leases.read_leases(source)
            others = [lease for lease in stored if lease.token != self._own.token]
            # Checked first: a run whose lease is missing must not claim or renew anything, nor quarantine totals.
            if self._is_known and len(others) == len(stored):
                raise LeaseLostError(self.name)
            # Read after the document: a pause before a retry may be long enough for leases to expire.
            now = self._clock()
            own, result = make(leases.drop_dead([*others, replace(self._own, alive=now)], now, self._life))
            made[:] = [(own, result)]
            return {
                "leases": leases.write_leases(leases.drop_dead([*others, own], now, self._life)),
                "quarantined": quarantine.write_quarantined(quarantine_failed(quarantine.read_quarantined(source))),
            }

        if not self._document.change(put_own, _MAX_ATTEMPTS, _MAX_PAUSE_SECONDS):
            raise EngineUnavailableError(
                f"Other runs keep changing the leases of {self.name!r}. The next run tries again."
            )
        # Only now: after a conflict `make` starts from the lease that is stored, not from one that was never written.
        ((self._own, result),) = made
        self._is_known = True
        return result
