"""Store the events of one type: create their indices, store clicks by cells, and retry transient failures."""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import date, datetime
from datetime import time as clock_time
from functools import lru_cache, partial
from typing import Any, NamedTuple

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.broker.dead_letter_messages import POSTPONED
from invenio_stats.core import names
from invenio_stats.core.double_clicks import Click
from invenio_stats.core.events import Event
from invenio_stats.core.mappings import Field
from invenio_stats.core.moments import UTC, utc
from invenio_stats.errors import EngineUnavailableError, StatsError
from invenio_stats.processing.double_click_requests import Blocked
from invenio_stats.processing.double_clicks import CellWriter
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.processing.month_indices import abandon_stale
from invenio_stats.search.bulk import Action, Stored, store
from invenio_stats.search.failures import TRANSIENT, classify_error, find_blocked_index_in

logger = logging.getLogger(__name__)

_PAUSES_SECONDS = (0.5, 2.0, 5.0)
"""Pauses between attempts after transient failures; after the last attempt the batch goes back to the queue, and the
events that a single index refuses are postponed."""


class StoreResult(NamedTuple):
    """The outcome of a batch."""

    new: int
    """Events that created a document."""
    duplicates: int = 0
    """Events that were stored before: the broker delivered them again."""
    collapsed: int = 0
    """Clicks that share the document of another click."""
    superseded: int = 0
    """Documents that no longer count, because a later click chains to them."""
    refused: Sequence[tuple[Event, str]] = ()
    """Events that the engine does not accept, each with the reason; the postponed ones are among them."""
    postponed: int = 0
    """How many of the refused are postponed: their index refuses everything for now."""

    @property
    def taken(self) -> int:
        """Number of events that are stored, in a new document or in an existing one."""
        return self.new + self.duplicates + self.collapsed

    def __add__(self, other: "StoreResult") -> "StoreResult":  # type: ignore[override]
        """Return what both are together."""
        return StoreResult(
            self.new + other.new,
            self.duplicates + other.duplicates,
            self.collapsed + other.collapsed,
            self.superseded + other.superseded,
            [*self.refused, *other.refused],
            self.postponed + other.postponed,
        )


class _Waiting(NamedTuple):
    """A click or an action that is to be stored again, and the index that is in the way."""

    thing: Any
    event: Event
    blocked: Blocked


class EventStore:
    """Stores the events of one type."""

    def __init__(
        self,
        client: Any,
        alias: str,
        suffix: str,
        window: int,
        fields: dict[str, Field] | None,
        clock: Callable[[], datetime],
    ):
        """Write to the indices behind an alias; `fields` are mappings, for an event type without index templates."""
        self.attributes = (client, alias, suffix, window, fields)
        """What the store was made for."""
        self._client = client
        self._alias = alias
        self._suffix = suffix
        self._fields = fields
        self._clock = clock
        self._refused_fields: dict[str, frozenset[str]] = {}
        self._refusing: set[str] = set()
        """Indices that refused a batch to the end: later batches of the run do not wait for them again."""
        self._index_of_hour = lru_cache(maxsize=1024)(partial(_index_of, alias, suffix))
        self._writer = CellWriter(client, window, self.index_of, clock, self.refused_fields)

    def index_of(self, moment: datetime) -> str:
        """Return the name that events of a moment are written to."""
        moment = utc(moment)  # cached by hour: no suffix is finer than that
        return self._index_of_hour(moment.date(), moment.hour)

    def refused_fields(self, index: str) -> Collection[str]:
        """Return the fields that an index rejects; empty for an index that `ensure` has not looked at."""
        return self._refused_fields.get(index, ())

    def ensure(self, moment: datetime) -> None:
        """Create the index for the events of a moment, if it does not exist, and remember the fields it rejects."""
        index = self.index_of(moment)
        if index not in self._refused_fields:
            self._refused_fields[index] = ensure_events_index(
                self._client, self._alias, moment, self._suffix, self._fields, self._clock()
            )

    def try_to_ensure(self, moment: datetime) -> None:
        """Do the same as `ensure`, but ignore failures of the engine: the write that follows reports them."""
        with suppress(search.exceptions.TransportError, EngineUnavailableError):
            self.ensure(moment)

    def store_clicks(self, clicks: Sequence[Click]) -> StoreResult:
        """Store clicks by cells, so that double clicks count once."""
        return self._with_retries(self._store_clicks, clicks)

    def store_actions(self, actions: Sequence[Action]) -> StoreResult:
        """Store index actions as they are."""
        return self._with_retries(self._store_actions, actions)

    def _store_clicks(self, clicks: Sequence[Click]) -> tuple[StoreResult, list[_Waiting]]:
        blocked = self._ensure_all({click.cell for click in clicks})
        open_clicks = [click for click in clicks if self.index_of(click.cell) not in blocked] if blocked else clicks
        written = self._writer.write(open_clicks)
        refused = [(_as_published(refusal.click), f"engine: {refusal.reason}") for refusal in written.refused]
        result = StoreResult(written.stored, written.duplicates, written.collapsed, written.superseded, refused)
        found = [(click, blocked[index]) for click in clicks if (index := self.index_of(click.cell)) in blocked]
        found += [(postponed.click, postponed.blocked) for postponed in written.postponed]
        return result, [_Waiting(click, _as_published(click), why) for click, why in found]

    def _store_actions(self, actions: Sequence[Action]) -> tuple[StoreResult, list[_Waiting]]:
        cells = {action["_click"].cell for action in actions if "_click" in action}
        blocked = self._ensure_all(cells)
        open_actions = [action for action in actions if action["_index"] not in blocked] if blocked else actions
        stored = store(self._client, open_actions) if open_actions else Stored(0, [], [])
        refused = {(refusal.index_name, refusal.document_id): refusal.reason for refusal in stored.refused}
        refusing = {
            (block.index_name, block.document_id): Blocked(block.index_name, block.reason, block.is_lasting)
            for block in stored.blocked
        }
        refs = [(action, (action["_index"], action["_id"])) for action in actions]
        result = StoreResult(
            stored.taken,
            refused=[(_event_of(action), f"engine: {refused[ref]}") for action, ref in refs if ref in refused],
        )
        found = [(action, blocked.get(ref[0]) or refusing.get(ref)) for action, ref in refs]
        return result, [_Waiting(action, _event_of(action), why) for action, why in found if why is not None]

    def _ensure_all(self, cells: Collection[datetime]) -> dict[str, Blocked]:
        """Make sure of the indices of cells; return those that can neither be made nor completed."""
        blocked: dict[str, Blocked] = {}
        for index, cell in {self.index_of(cell): cell for cell in cells}.items():
            try:
                self.ensure(cell)
            except (search.exceptions.TransportError, EngineUnavailableError) as error:
                found = find_blocked_index_in(error)
                if found is None:
                    raise
                blocked[index] = Blocked(index, *found)
        return blocked

    def _with_retries(
        self, work: Callable[[Sequence[Any]], tuple[StoreResult, list[_Waiting]]], things: Sequence[Any]
    ) -> StoreResult:
        """Do it again as long as the engine, or an index, asks for that.

        What an index still refuses then is postponed, so that the others need not wait for it; EngineUnavailableError
        if the engine itself goes on asking. Ids are stable and merges are idempotent: to store a batch twice stores it
        once.
        """
        done, waiting = StoreResult(0), list[_Waiting]()
        for pause in (*_PAUSES_SECONDS, None):
            try:
                result, waiting = work(things)
            except (EngineUnavailableError, search.exceptions.TransportError) as error:
                if classify_error(error) is not TRANSIENT:
                    raise
                if pause is None:
                    raise _unavailable(error) from error
            else:
                done += result
                things = [entry.thing for entry in waiting]
                if self._refusing.issuperset(entry.blocked.index_name for entry in waiting):
                    break  # nothing is left, or only what an earlier batch has waited for already
            self._pause(pause)
        return done + self._postpone(waiting, done)

    def _pause(self, seconds: float | None) -> None:
        """Wait before another attempt; before the last one, give up a compaction whose process is dead."""
        if seconds is None:
            return
        self._refused_fields.clear()  # the indices may be others since
        time.sleep(seconds)
        if seconds == _PAUSES_SECONDS[-1]:
            with suppress(StatsError, search.exceptions.TransportError):
                abandon_stale(self._client, self._alias, self._clock())

    def _postpone(self, waiting: Sequence[_Waiting], done: StoreResult) -> StoreResult:
        """Return the events that an index has refused to the end; they are tried again by a later run.

        EngineUnavailableError if that may be an outage, since no other event was taken, either.
        """
        if waiting and not (done.taken or done.refused or any(entry.blocked.is_lasting for entry in waiting)):
            raise EngineUnavailableError(
                f"The search engine takes none of {len(waiting)} events ({waiting[0].blocked.reason}); they stay on "
                "the queue."
            )
        for index, reason in {entry.blocked.index_name: entry.blocked.reason for entry in waiting}.items():
            if index not in self._refusing:
                logger.error("An index refuses events; they are postponed", extra={"index": index, "reason": reason})
                self._refusing.add(index)
        return StoreResult(
            0, refused=[(entry.event, _reason(entry.blocked)) for entry in waiting], postponed=len(waiting)
        )


def _reason(blocked: Blocked) -> str:
    """Return the reason of a dead letter that comes back by itself."""
    return f"{POSTPONED}: {blocked.index_name.removeprefix(prefix_index(''))}: {blocked.reason}"


def _unavailable(error: Exception) -> EngineUnavailableError:
    if isinstance(error, EngineUnavailableError):
        return error
    return EngineUnavailableError(
        f"The search engine gave no answer ({type(error).__name__}); the events stay on the queue."
    )


def _index_of(alias: str, suffix: str, day: date, hour: int) -> str:
    return names.events_index(alias, datetime.combine(day, clock_time(hour), UTC), suffix)


def _event_of(action: Action) -> Event:
    """Return the event of an index action, for the dead letters."""
    source: Event = action["_source"]
    return _as_published(action["_click"]) if "_click" in action else source


def _as_published(click: Click) -> Event:
    """Return the fields of a click for a dead letter.

    They include the visitor's key of the previous day, which is never stored: a click that is put back on the queue
    needs it to be recognised as a double click across midnight.
    """
    if click.previous_visitor_id is None:
        return click.fields
    return {**click.fields, "previous_visitor_id": click.previous_visitor_id}
