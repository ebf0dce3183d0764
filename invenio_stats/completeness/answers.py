"""How complete the answer to a question about a range of days is: two requests to the engine, or none."""

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from flask import current_app
from invenio_search import current_search_client

from invenio_stats.completeness.bookmarks import bookmark_in, bookmark_ref
from invenio_stats.completeness.configured import event_types_of, totals_alias_of
from invenio_stats.completeness.first_day import FirstDay, first_day_in
from invenio_stats.completeness.gaps import gaps_in, gaps_ref
from invenio_stats.completeness.revision import NO_REVISION, Revision, revision_of, revision_ref
from invenio_stats.core.gaps import Gap, within
from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import utc
from invenio_stats.proxies import current_stats
from invenio_stats.search.aliases import ClosedIndex, fetch_closed
from invenio_stats.search.multi_get import Found, read

CACHE_SECONDS = 10.0
"""For so long a web process answers from what it has read; a change of totals shows that much later."""

_KEY = "invenio-stats-completeness"
_DAY = timedelta(days=1)

T = TypeVar("T")

_Key = tuple[str, str]
"""Index and id of a document."""


class AnswerState(NamedTuple):
    """What is to say of an answer beside its numbers."""

    updated: datetime | None
    """The oldest bookmark that the answer stands on; None if an aggregation has none."""
    complete: bool
    """False if a finished day of the range lies in a gap or behind the bookmark. Today's numbers are only running."""
    gaps: list[Gap]
    """The parts of gaps that lie in the finished days of the range; also the days of closed indices of totals."""
    revision: Revision
    """Read before the answer is: what it is made of is at least as new."""
    closed: tuple[ClosedIndex, ...]
    """The closed indices of totals, of all aggregations: no revision tells when one is closed or opened."""


StateOf = Callable[[Collection[str], date | None, date | None, datetime], AnswerState]
"""`answer_state` in web processes, `fresh_answer_state` in commands and tasks."""


def answer_state(aggregations: Collection[str], first: date | None, last: date | None, now: datetime) -> AnswerState:
    """Return the state of an answer from the totals of some aggregations, for web processes.

    The range is of days, both included; None is no limit. What was read stays valid for `CACHE_SECONDS`.
    """
    return _judge(_snapshot(), aggregations, first, last, now)


def fresh_answer_state(
    aggregations: Collection[str], first: date | None, last: date | None, now: datetime
) -> AnswerState:
    """Return what `answer_state` does, as it is now: for commands and tasks."""
    return _judge(_Snapshot(), aggregations, first, last, now)


def known_first_day(aggregation: str) -> datetime | None:
    """Return the start of an aggregation's first day, or None if it has not been counted yet, for web processes."""
    ref = FirstDay(current_search_client, aggregation).document_ref
    return first_day_in(_snapshot().read([ref])[_key(ref)])


def keep_while_unchanged(key: Hashable, find: Callable[[], T]) -> T:
    """Return what `find` does. The process keeps it until the revision is another, so it must depend on totals only."""
    facts = _snapshot().facts
    if key not in facts:
        facts[key] = find()
    return facts[key]  # type: ignore[no-any-return]


def _judge(
    snapshot: "_Snapshot",
    aggregations: Collection[str],
    first: date | None,
    last: date | None,
    now: datetime,
) -> AnswerState:
    client = current_search_client
    types = {name: event_types_of(name) for name in aggregations}
    first_day_refs = {name: FirstDay(client, name).document_ref for name in aggregations}
    gaps_refs = [gaps_ref(event_type) for event_type in sorted({*sum(types.values(), ())})]
    documents = snapshot.read(_refs(aggregations))

    first, end = first or date.min, min(last or date.max, utc(now).date() - _DAY)
    gaps = {gap for ref in gaps_refs for gap in gaps_in(documents[_key(ref)])}
    for name, ref in first_day_refs.items():
        day = first_day_in(documents[_key(ref)])
        if day is not None and date.min < first < day.date():
            gaps |= {Gap(first, day.date() - _DAY, event_type, "before_first_day") for event_type in types[name]}
    for closed in snapshot.closed:
        names = [name for name in aggregations if totals_alias_of(name) == closed.alias]
        gaps |= {Gap(*closed.days, event_type, "closed") for name in names for event_type in types[name]}
    found = sorted(within(gaps, first, end))
    bookmarks = [bookmark_in(documents[_key(bookmark_ref(name))]) for name in aggregations]
    known = [bookmark for bookmark in bookmarks if bookmark is not None]
    updated = min(known) if known and len(known) == len(bookmarks) else None
    is_reached = updated is not None and floor(updated, "day").date() > end
    is_complete = not found and (is_reached or end < first)
    revision = revision_of(documents[_key(revision_ref())])
    return AnswerState(updated, is_complete, found, revision, snapshot.closed)


def _refs(aggregations: Collection[str]) -> list[dict[str, str]]:
    """Return index and id of all that is known of some aggregations, the revision first."""
    first_days = [FirstDay(current_search_client, name).document_ref for name in aggregations]
    event_types = sorted({event_type for name in aggregations for event_type in event_types_of(name)})
    return [revision_ref(), *map(bookmark_ref, aggregations), *first_days, *map(gaps_ref, event_types)]


@dataclass
class _Snapshot:
    """Documents that were read since a moment, the revision first: none of them is older than it."""

    began: float = field(default_factory=lambda: monotonic())
    documents: dict[_Key, Found] = field(default_factory=dict)
    facts: dict[Hashable, Any] = field(default_factory=dict)
    """What was found out about totals since the revision was read."""

    def read(self, refs: list[dict[str, str]]) -> Mapping[_Key, Found]:
        """Return the documents; those that are not known yet are read in one request."""
        missing = [ref for ref in refs if _key(ref) not in self.documents]
        if missing:
            answers = read(current_search_client, missing)
            self.documents.update({_key(ref): found for ref, found in zip(missing, answers, strict=True)})
        return self.documents

    @cached_property
    def closed(self) -> tuple[ClosedIndex, ...]:
        """The closed indices of totals; read in one request when they are first asked for."""
        aliases = filter(None, map(totals_alias_of, current_stats.aggregations))
        return fetch_closed(current_search_client, aliases)

    @property
    def revision(self) -> Revision:
        """The revision, which was read."""
        return revision_of(self.documents[_key(revision_ref())])

    @property
    def is_valid(self) -> bool:
        """Whether a web process may still answer from it."""
        return monotonic() - self.began < CACHE_SECONDS


def _snapshot() -> _Snapshot:
    """Return the snapshot of the current application in this process, a new one if it has become too old.

    All documents are read anew together, those of all configured aggregations in one request: an old bookmark must not
    be told, and cached, with a later revision.
    """
    known: _Snapshot | None = current_app.extensions.get(_KEY)
    if known is not None and known.is_valid:
        return known
    new = _Snapshot()
    new.read(_refs(current_stats.aggregations))
    if known is not None and new.revision == known.revision != NO_REVISION and new.closed == known.closed:
        new.facts = known.facts
    current_app.extensions[_KEY] = new
    return new


def _key(ref: Mapping[str, str]) -> _Key:
    return ref["_index"], ref["_id"]
