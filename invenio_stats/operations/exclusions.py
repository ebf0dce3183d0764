"""Take events out of all numbers by a person's decision, and bring them back.

Events are only flagged, so a decision can be taken back as long as they are stored. An event may be under several
exclusions; it counts again when the last of them is taken back.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from itertools import chain
from typing import Any, Literal, NamedTuple

from flask_babel import gettext as _
from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.completeness.index import shared_document
from invenio_stats.core import names
from invenio_stats.core.double_click_documents import EXCLUDED, EXCLUDED_BY, exclusions_of
from invenio_stats.core.events import Event
from invenio_stats.core.moments import iso_zoned, parse
from invenio_stats.core.periods import Days
from invenio_stats.core.reclassification import StoredClick, counts
from invenio_stats.core.usage_fields import ITEM_KEYS
from invenio_stats.errors import EngineUnavailableError, StatsError
from invenio_stats.operations.corrections import Changes, note_correction
from invenio_stats.operations.raw_events import (
    DOCUMENTS_PER_REQUEST,
    Change,
    EventType,
    check_open,
    find_event_types,
    find_indices,
    map_fields,
    read_documents,
    refresh,
    write_changes,
)
from invenio_stats.operations.recount import recount_events
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.search.scan import hits, pages, read_each
from invenio_stats.search.versions import SharedDocument, Source, Version

COMMAND = "invenio stats anomalies"
_ROUNDS = 10
_KIND = "exclusion:"
"""Of the documents of `stats-completeness` that are about exclusions, in place of an event type."""

Direction = Literal["exclude", "include"]


class Selection(NamedTuple):
    """The events of a day that have all of the given values."""

    day: date
    item: str | None = None
    agent_class: str | None = None
    country: str | None = None
    """"" for events of which the country is not known."""
    host: str | None = None
    """The referring host; "" for events of which it is not known."""
    event_type: str | None = None
    """None for all event types."""

    @property
    def exclusion_id(self) -> str:
        """The id of the exclusion of these events."""
        values = {**self._asdict(), "day": self.day.isoformat()}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:20]

    @property
    def query(self) -> Body:
        """The query for the events, whether they count or not."""
        start = datetime.combine(self.day, time(), timezone.utc)
        values = {"agent_class": self.agent_class, "country": self.country, "referrer": self.host}
        wanted: list[Body] = [clauses.between(start, start + timedelta(days=1))]
        for field, value in values.items():
            if value is not None:
                wanted.append({"term": {field: value}} if value else clauses.none_of([{"exists": {"field": field}}]))
        if self.item is not None:
            wanted.append(clauses.any_of([{"term": {field: self.item}} for field in ITEM_KEYS]))
        return clauses.all_of(wanted)

    def describe(self) -> str:
        """Return the selection as a text that anybody may read: it names no item, country or host."""
        kinds = [
            name.replace("_", " ") for name, value in self._asdict().items() if name != "day" and value is not None
        ]
        return f"{self.day.isoformat()}: {', '.join(f'one {kind}' for kind in kinds) or 'all events'}"


class Excluded(NamedTuple):
    """What was changed."""

    exclusion_id: str
    documents: int
    """Events that were flagged, or lost their flag, in this call."""
    months: dict[str, dict[str, int]]
    """Change of the numbers by month."""


def count_selected(client: Any, selection: Selection, now: datetime) -> Excluded:
    """Return what an exclusion would change, and change nothing; StatsError if it would be refused."""
    work = _Work(client, selection, "exclude")
    event_types = find_event_types(client, now)
    _check_countable(work, event_types)
    documents, months = work.compare(event_types)
    return Excluded(selection.exclusion_id, documents, months)


def exclude_events(
    client: Any, selection: Selection, note: str, now: datetime, command: str = f"{COMMAND} exclude"
) -> Excluded:
    """Take the events of a selection out of all numbers; totals are counted again, and a correction is written.

    A repeated call completes an interrupted one, and takes out what was stored since. EngineUnavailableError if an
    index refuses the change; StatsError if the totals of the day cannot be counted again.
    """
    summary = f"Excluded, {selection.describe()}. {note}".strip()
    return _do(_Work(client, selection, "exclude"), summary, now, command)


def check_countable(client: Any, selection: Selection, now: datetime) -> None:
    """Raise StatsError if the totals of the day would lose what is not stored any more, or cannot be read."""
    _check_countable(_Work(client, selection, "include"), find_event_types(client, now))


class Unfinished(NamedTuple):
    """An exclusion, or its taking back, that was interrupted: some of its events may be changed, and others not."""

    day: datetime
    event_type: str | None
    """None for all event types."""


def find_unfinished(client: Any) -> list[Unfinished]:
    """Return the exclusions that were interrupted; the same call of one completes it."""
    index = prefix_index(names.COMPLETENESS)
    try:
        client.indices.refresh(index=index)
    except search.exceptions.NotFoundError:
        return []  # nothing was ever excluded
    found = hits(client, index, {"term": {"event_type": _KIND}})
    begun = [hit for hit in found if "day" in (hit["_source"].get("unfinished") or ())]
    return list(read_each(begun, lambda hit: _read_unfinished(hit["_source"]["unfinished"])))


def _read_unfinished(state: Mapping[str, Any]) -> Unfinished:
    return Unfinished(parse(state["day"]), state["event_type"])


def include_events(
    client: Any, selection: Selection, note: str, now: datetime, command: str = f"{COMMAND} keep"
) -> Excluded:
    """Bring back the events that `exclude_events` has taken out for a selection; errors are the same."""
    summary = f"Included again, {selection.describe()}. {note}".strip()
    return _do(_Work(client, selection, "include"), summary, now, command)


@dataclass(frozen=True)
class _Work:
    """What is to be done with the events of a selection."""

    client: Any
    selection: Selection
    direction: Direction

    @property
    def query(self) -> Body:
        """The query for the events that are to be changed, whether they count or not."""
        mine: Body = {"term": {EXCLUDED_BY: self.selection.exclusion_id}}
        if self.direction == "include":
            return mine  # whatever they have become since
        return clauses.all_of([self.selection.query, clauses.none_of([mine])])

    def changed(self, source: Event) -> Event | None:
        """Return an event as it has to be; None if it is that already."""
        mine, known = self.selection.exclusion_id, exclusions_of(source)
        if (mine in known) == (self.direction == "exclude"):
            return None
        exclusions = known | {mine} if self.direction == "exclude" else known - {mine}
        fields = {name: value for name, value in source.items() if name not in (EXCLUDED, EXCLUDED_BY)}
        return {**fields, EXCLUDED: True, EXCLUDED_BY: sorted(exclusions)} if exclusions else fields

    def select(self, event_types: Iterable[EventType]) -> list[EventType]:
        """Return the event types that the selection is about."""
        return [known for known in event_types if self.selection.event_type in (None, known.name)]

    def find(self, index: str) -> Iterator[list[tuple[StoredClick, Version, Event]]]:
        """Yield the events of an index that are to be changed, in pages: each, its version, and what it has to be."""
        addresses = ((hit["_index"], hit["_id"]) for hit in hits(self.client, index, self.query, ["timestamp"]))
        for page in pages(addresses, DOCUMENTS_PER_REQUEST):
            documents = read_documents(self.client, page)
            found = [(click, version, self.changed(click.source)) for click, version in documents]
            yield [(click, version, changed) for click, version, changed in found if changed is not None]

    def compare(self, event_types: Iterable[EventType]) -> tuple[int, dict[str, dict[str, int]]]:
        """Return how many events are to be changed, and how much the numbers of each month change."""
        changes, documents = Changes(), 0
        for event_type in self.select(event_types):
            refresh(self.client, event_type)
            for index in find_indices(self.client, event_type, self.query):
                for click, _version, changed in chain.from_iterable(self.find(index)):
                    documents += 1
                    change = counts(changed) - counts(click.source)
                    if change:
                        changes.add(parse(click.source["timestamp"]), event_type.number, change)
        return documents, changes.months

    def write(self, index: str, now: datetime) -> None:
        """Change the events of an index; EngineUnavailableError if it refuses, or they keep changing."""
        if EXCLUDED in map_fields(self.client, index):
            raise EngineUnavailableError(f"The mapping of {index!r} refuses the field {EXCLUDED!r}. Add it there.")
        for _round in range(_ROUNDS):
            self.client.indices.refresh(index=index)
            found = False
            for page in self.find(index):
                found = found or bool(page)
                changes = [Change(*click[:2], changed, version) for click, version, changed in page]
                write_changes(self.client, changes, now)
            if not found:
                return
        raise EngineUnavailableError(f"Events in {index!r} keep changing. Run the command again.")


def _do(work: _Work, summary: str, now: datetime, command: str) -> Excluded:
    client, selection = work.client, work.selection
    event_types = work.select(find_event_types(client, now))
    _check_countable(work, event_types)
    state = shared_document(client, f"{_KIND}{selection.exclusion_id}")
    unfinished = state.source.get("unfinished")
    documents, months = work.compare(event_types)
    if not documents and not unfinished:
        return Excluded(selection.exclusion_id, 0, {})
    if unfinished and unfinished["direction"] == work.direction:
        months = unfinished["months"]
        began, is_ours = unfinished["began"], True
    else:
        began = iso_zoned(now)
        about = {"day": selection.day.isoformat(), "event_type": selection.event_type}
        begun = {"direction": work.direction, "months": months, "began": began, **about}
        _keep(state, unfinished, begun)
        unfinished, is_ours = begun, unfinished is None
    for event_type in event_types:
        refresh(client, event_type)
        for index in find_indices(client, event_type, work.query):
            work.write(index, now)
    recount_events([event_type.name for event_type in event_types], parse(began))
    if months and is_ours:  # otherwise what was begun was never noted, and it is taken back
        note_correction(client, "exclusion", summary, months, parse(began), command, f"{command} {began} {selection}")
    _keep(state, unfinished, None)
    return Excluded(selection.exclusion_id, documents, months)


def _keep(state: SharedDocument, known: Mapping[str, Any] | None, unfinished: Mapping[str, Any] | None) -> None:
    """Replace what is known to be unfinished; StatsError if somebody else has replaced it since."""

    def change(source: Source) -> Source:
        if source.get("unfinished") != known:
            raise StatsError(_("Somebody else excludes or includes the same events. Let that end, and try again."))
        return {"event_type": _KIND, "unfinished": unfinished}

    if not state.change(change, _ROUNDS):
        raise StatsError(_("Somebody else excludes or includes the same events. Let that end, and try again."))


def _check_countable(work: _Work, event_types: Iterable[EventType]) -> None:
    """Raise StatsError if the totals of the day would lose what is not stored any more, or cannot be read."""
    selection = work.selection
    for event_type in work.select(event_types):
        check_open(work.client, event_type, Days(selection.day, selection.day))
        if selection.day < event_type.complete_from.date():
            raise StatsError(
                _(
                    "%(day)s is before %(complete)s, the first day with all raw events of %(name)s: its totals cannot "
                    "be counted again. Choose a later day.",
                    day=selection.day,
                    complete=event_type.complete_from.date(),
                    name=event_type.name,
                )
            )
