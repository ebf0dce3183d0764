"""Store the events of one type: create their indices, store clicks by cells, and retry transient failures."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import date, datetime
from datetime import time as clock_time
from functools import lru_cache, partial
from typing import Any, NamedTuple

from invenio_search.engine import search

from invenio_stats.core import names
from invenio_stats.core.double_clicks import Click
from invenio_stats.core.events import Event
from invenio_stats.core.mappings import Field
from invenio_stats.core.moments import UTC, utc
from invenio_stats.errors import EngineUnavailableError, StatsError
from invenio_stats.processing.double_clicks import CellWriter
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.processing.month_indices import abandon_stale
from invenio_stats.search.bulk import Action, store
from invenio_stats.search.failures import TRANSIENT, classify_error

_PAUSES_SECONDS = (0.5, 2.0, 5.0)
"""Pauses between attempts after transient failures; after the last attempt the batch goes back to the queue."""


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
    """Events that the engine will never accept, each with the reason."""

    @property
    def taken(self) -> int:
        """Number of events that are stored, in a new document or in an existing one."""
        return self.new + self.duplicates + self.collapsed


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
        return self._with_retries(partial(self._store_clicks, clicks))

    def store_actions(self, actions: Sequence[Action]) -> StoreResult:
        """Store index actions unchanged."""
        return self._with_retries(partial(self._store_actions, actions))

    def _store_clicks(self, clicks: Sequence[Click]) -> StoreResult:
        for cell in {click.cell for click in clicks}:
            self.ensure(cell)
        written = self._writer.write(clicks)
        refused = [(_as_published(refusal.click), f"engine: {refusal.reason}") for refusal in written.refused]
        return StoreResult(written.stored, written.duplicates, written.collapsed, written.superseded, refused)

    def _store_actions(self, actions: Sequence[Action]) -> StoreResult:
        stored, refusals = store(self._client, actions)
        reasons = {(refusal.index_name, refusal.document_id): refusal.reason for refusal in refusals}
        refs = [(action, reasons.get((action["_index"], action["_id"]))) for action in actions]
        return StoreResult(
            stored, refused=[(_event_of(action), f"engine: {reason}") for action, reason in refs if reason]
        )

    def _with_retries(self, work: Callable[[], StoreResult]) -> StoreResult:
        """Repeat the work after transient failures; EngineUnavailableError if the last attempt fails, too.

        Ids are stable and merges are idempotent, so that storing a batch twice has the effect of storing it once.
        """
        for pause in _PAUSES_SECONDS:
            try:
                return work()
            except (EngineUnavailableError, search.exceptions.TransportError) as error:
                if classify_error(error) is not TRANSIENT:
                    raise
            self._refused_fields.clear()  # the indices may have changed meanwhile, by a compaction for instance
            time.sleep(pause)
        # Before the last attempt: an abandoned compaction may be what blocks the writes.
        with suppress(StatsError, search.exceptions.TransportError):
            abandon_stale(self._client, self._alias, self._clock())
        try:
            return work()
        except search.exceptions.TransportError as error:
            if classify_error(error) is not TRANSIENT:
                raise
            raise EngineUnavailableError(
                f"The search engine is not available ({type(error).__name__}); the events stay on the queue."
            ) from error


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
