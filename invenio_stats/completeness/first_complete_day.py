"""First complete day: from it on the raw events of an event type are all there, and totals can be counted anew."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.completeness.configured import totals_of
from invenio_stats.completeness.index import document_ref, shared_document
from invenio_stats.core import names
from invenio_stats.core.first_complete_day import NOTHING_MISSING, has_risen, judge
from invenio_stats.core.intervals import INTERVALS, Interval, floor
from invenio_stats.core.moments import iso, parse
from invenio_stats.errors import StatsError
from invenio_stats.proxies import current_stats
from invenio_stats.search import aliases
from invenio_stats.search.failures import status_of
from invenio_stats.search.multi_get import Found
from invenio_stats.search.versions import Source

_ATTEMPTS = 20
_LONGEST_PAUSE = 0.05
"""Seconds, so that workers that judge at the same time do not meet again at once."""


class Judgement(NamedTuple):
    """What a look at events and totals has told."""

    day: datetime
    oldest_event: datetime | None
    is_news: bool
    """Whether it has to be kept."""


class FirstCompleteDay:
    """The first complete day of one event type. It only ever rises.

    Totals of an interval that begins before it are never counted anew: they would shrink. The document also holds,
    for each alias of events, the oldest event at the last judgement: if that has risen, events have been deleted, and
    the day is judged again.
    """

    def __init__(self, client: Any, event: str):
        """Name the event type."""
        self.client = client
        self._event = event

    def get(self) -> datetime | None:
        """Return the start of the day as it was judged last, or None if nobody has judged yet."""
        return _day_in(self._read().get("_source", {}))

    @property
    def document_ref(self) -> dict[str, str]:
        """The index and id of the document that holds the day."""
        return document_ref(self._event)

    def raise_to(self, day: datetime) -> None:
        """Say that events before a day may be gone; an earlier day than is known changes nothing."""
        self._change(self._read(), floor(day, "day"), {})

    def raise_before_deletion(self, day: datetime, events: str) -> None:
        """Say that all events of an alias before a day are about to be deleted, and none of later ones.

        So the next judgement does not take it for a deletion of which nobody knows how far it has reached.
        """
        oldest_event = aliases.oldest(self.client, events, floor(day, "day"))
        self._change(self._read(), floor(day, "day"), {_short(events): oldest_event})

    def forget_oldest_events(self) -> None:
        """Have the day judged again, by whoever asks next: totals came in that were not known before."""

        def forget(source: Source) -> Source | None:
            return {**source, "oldest_events": {}} if source.get("oldest_events") else None

        self._write(self._read(), forget)

    def find(self, events: str, totals: str, interval: Interval, now: datetime, read: Found | None = None) -> datetime:
        """Return the start of the day, and keep it; it is judged anew if the oldest event behind an alias has risen.

        `totals` is the alias of totals that the caller knows of, made for an interval; those of the other aggregations
        of the event type are looked at too. `read` is the document at `document_ref`, if it has just been read.
        """
        found = self._read() if read is None else read
        judgement = self._judge(found.get("_source", {}), events, totals, interval, now)
        if judgement.is_news:
            self._change(found, judgement.day, {_short(events): judgement.oldest_event})
        return judgement.day

    def estimate(self, events: str, totals: str, interval: Interval, now: datetime) -> datetime:
        """Return what `find` would return, and keep nothing."""
        return self._judge(self._read().get("_source", {}), events, totals, interval, now).day

    def _judge(self, source: Source, events: str, totals: str, interval: Interval, now: datetime) -> Judgement:
        known, before = _day_in(source), source.get("oldest_events", {})
        # What is older tells nothing: the day never falls.
        since = None if known == NOTHING_MISSING else known
        oldest_event = aliases.oldest(self.client, events, since)
        looked = _short(events) in before
        seen = _moment(before.get(_short(events)))
        is_told = known is None or seen is None or seen >= known
        if known is not None and looked and not (is_told and has_risen(seen, oldest_event)):
            is_news = oldest_event is not None and oldest_event != seen
            return Judgement(known, oldest_event, is_news)
        indices = aliases.indices_of(self.client, events)
        # Also among those that do not count: a day that is retracted, or excluded by a person, is there.
        oldest_there = aliases.oldest(self.client, indices, since)
        others = totals_of(self._event)
        interval = max((interval, *others.values()), key=INTERVALS.index)
        # Totals of several event types, and of a month, may begin before the first event of this one, so they show no
        # deletion; but after one they would shrink like the others.
        shared = _shared_totals_of(self._event) if has_risen(seen, oldest_there) else []
        oldest_total = aliases.oldest(self.client, sorted({totals, *others, *shared}), since)
        lost_whole_days = self._lost_whole_days(events, seen, oldest_there)
        day = judge(seen, oldest_there, oldest_total, interval, now, lost_whole_days)
        if indices and aliases.closed_indices_of(self.client, events):  # what these hold is not gone
            return Judgement(day if known is None else known, oldest_event, is_news=False)
        if day > (known or NOTHING_MISSING):
            oldest_event = aliases.oldest(self.client, events, day)
        return Judgement(max(day, known or NOTHING_MISSING), oldest_event, is_news=True)

    def _lost_whole_days(self, events: str, before: datetime | None, oldest: datetime | None) -> bool:
        """Return True if the index of the day that was the oldest is gone, and the one that now is has its own."""
        if before is None or oldest is None or not floor(before, "day") < floor(oldest, "day"):
            return False
        gone, index = names.events_index(events, before), names.events_index(events, oldest)
        is_gone = not aliases.indices_of(self.client, gone)
        return is_gone and aliases.indices_of(self.client, index) == [index]

    def _read(self) -> Found:
        found: Found = self.client.get(index=self.document_ref["_index"], id=self._event, ignore=[404])
        return found

    def _change(self, found: Found, day: datetime, oldest_events: Mapping[str, datetime | None]) -> None:
        written = {alias: None if moment is None else iso(moment) for alias, moment in oldest_events.items()}

        def change(source: Source) -> Source | None:
            known = _day_in(source)
            merged = {
                "event_type": self._event,
                "first_complete_day": iso(day if known is None else max(known, day)),
                "oldest_events": {**source.get("oldest_events", {}), **written},
            }
            return None if merged == source else merged

        self._write(found, change)

    def _write(self, found: Found, change: Callable[[Source], Source | None]) -> None:
        document = shared_document(self.client, self._event, found)
        if not document.change(change, _ATTEMPTS, _LONGEST_PAUSE):
            raise StatsError(
                f"The first complete day of {self._event!r} is being judged by others. The next run tries again."
            )


def first_complete_day_of_queue(client: Any, queue: str, events: str, now: datetime) -> datetime:
    """Return the first complete day of the event type that a queue is for, with the alias of its events.

    Of a queue that is not one of ours nothing is known, so that nothing is too old. Where the engine answers no search
    it is the day as it was judged last; the engine's error if nobody has judged yet.
    """
    event = {names.queue(name): name for name in current_stats.events_config}.get(queue)
    if event is None:
        return NOTHING_MISSING
    totals, first_day = prefix_index(names.totals_alias(event)), FirstCompleteDay(client, event)
    try:
        return first_day.find(events, totals, "day", now)
    except search.exceptions.TransportError as error:
        # If one index has lost a shard, no search for the oldest event has an answer. What it contains is not gone,
        # and the events of other indices must not wait for it.
        known = None if status_of(error) is None else first_day.get()
        if known is None:
            raise
        return known


def _short(alias: str) -> str:
    """Return an alias without the instance's prefix, as the document names it."""
    return alias.removeprefix(prefix_index(""))


def _day_in(source: Source) -> datetime | None:
    return _moment(source.get("first_complete_day"))


def _moment(value: str | None) -> datetime | None:
    return None if value is None else parse(value)


def _shared_totals_of(event: str) -> list[str]:
    """Return the aliases of totals that an event type has in common with others."""
    return [
        aliases.with_prefix(definition.totals_alias)
        for definition in current_stats.aggregations.values()
        if definition.totals_alias is not None and event in definition.event_types and len(definition.event_types) > 1
    ]
