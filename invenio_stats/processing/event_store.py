"""Event store: the engine's side of one event type: its indices are there, and its clicks are stored by cells."""

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

_PAUSES = (0.5, 2.0, 5.0)
"""Seconds between attempts while the engine asks to come back later; then the batch goes back to the queue."""


class StoreResult(NamedTuple):
    """What became of a batch."""

    new: int
    """Events that made a document."""
    duplicates: int = 0
    """Events that were stored before: the broker delivered them again."""
    collapsed: int = 0
    """Clicks that are in the document of another."""
    superseded: int = 0
    """Documents that count no more, since a click chained on to theirs."""
    refused: Sequence[tuple[Event, str]] = ()
    """Events that the engine will never take, each with the reason."""

    @property
    def taken(self) -> int:
        """How many events the engine has, one way or another."""
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
        """Write to the indices behind an alias; `fields` are the mappings of a type without templates."""
        self._client = client
        self._alias = alias
        self._suffix = suffix
        self._fields = fields
        self._clock = clock
        self._refused_fields: dict[str, frozenset[str]] = {}
        self._index_of_hour = lru_cache(maxsize=1024)(partial(_index_of, alias, suffix))
        self._writer = CellWriter(client, window, self.index_of, clock, self.refused_fields)

    def index_of(self, moment: datetime) -> str:
        """Return the name that events of a moment are written to; no suffix tells the minutes of an hour apart."""
        moment = utc(moment)
        return self._index_of_hour(moment.date(), moment.hour)

    def refused_fields(self, index: str) -> Collection[str]:
        """Return the fields of ours that an index does not take, as far as is known."""
        return self._refused_fields.get(index, ())

    def ensure(self, moment: datetime) -> None:
        """Make sure of the index that events of a moment are written to."""
        index = self.index_of(moment)
        if index not in self._refused_fields:
            self._refused_fields[index] = ensure_events_index(
                self._client, self._alias, moment, self._suffix, self._fields, self._clock()
            )

    def try_to_ensure(self, moment: datetime) -> None:
        """Make sure of an index as far as the engine lets us: whoever writes to it will be told the rest."""
        with suppress(search.exceptions.TransportError, EngineUnavailableError):
            self.ensure(moment)

    def store_clicks(self, clicks: Sequence[Click]) -> StoreResult:
        """Store clicks by cells, so that double clicks count once."""
        return self._patiently(partial(self._store_clicks, clicks))

    def store_actions(self, actions: Sequence[Action]) -> StoreResult:
        """Store index actions as they are."""
        return self._patiently(partial(self._store_actions, actions))

    def _store_clicks(self, clicks: Sequence[Click]) -> StoreResult:
        for cell in {click.cell for click in clicks}:
            self.ensure(cell)
        written = self._writer.write(clicks)
        refused = [(_as_published(one.click), f"engine: {one.reason}") for one in written.refused]
        return StoreResult(written.stored, written.duplicates, written.collapsed, written.superseded, refused)

    def _store_actions(self, actions: Sequence[Action]) -> StoreResult:
        stored, refusals = store(self._client, actions)
        reasons = {(one.index_name, one.document_id): one.reason for one in refusals}
        refs = [(action, reasons.get((action["_index"], action["_id"]))) for action in actions]
        return StoreResult(
            stored, refused=[(_event_of(action), f"engine: {reason}") for action, reason in refs if reason]
        )

    def _patiently(self, work: Callable[[], StoreResult]) -> StoreResult:
        """Do it again while the engine asks for that; EngineUnavailableError when it goes on asking.

        Ids are stable and merges are idempotent: to store a batch twice stores it once.
        """
        for pause in _PAUSES:
            try:
                return work()
            except (EngineUnavailableError, search.exceptions.TransportError) as error:
                if classify_error(error) is not TRANSIENT:
                    raise
            self._refused_fields.clear()  # the indices may be others since
            time.sleep(pause)
        with suppress(StatsError, search.exceptions.TransportError):
            abandon_stale(self._client, self._alias, self._clock())
        try:
            return work()
        except search.exceptions.TransportError as error:
            if classify_error(error) is not TRANSIENT:
                raise
            raise EngineUnavailableError(
                f"The search engine gave no answer ({type(error).__name__}); the events stay on the queue."
            ) from error


def _index_of(alias: str, suffix: str, day: date, hour: int) -> str:
    return names.events_index(alias, datetime.combine(day, clock_time(hour), UTC), suffix)


def _event_of(action: Action) -> Event:
    """Return the event of an index action, for the dead letters."""
    source: Event = action["_source"]
    return _as_published(action["_click"]) if "_click" in action else source


def _as_published(click: Click) -> Event:
    """Return the fields of a click with the key that is never stored, by which it chains when it is put back."""
    if click.previous_visitor_id is None:
        return click.fields
    return {**click.fields, "previous_visitor_id": click.previous_visitor_id}
