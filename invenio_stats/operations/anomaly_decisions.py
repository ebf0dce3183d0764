"""Decide about unusual days: exclude their events, bring them back, or keep them as they are."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timezone
from typing import Any, Literal

from flask_babel import gettext as _
from invenio_search import current_search_client
from invenio_search.engine import search

from invenio_stats.core.anomalies import Anomaly
from invenio_stats.errors import StatsError
from invenio_stats.operations.anomalies.detection.detection import examine_days
from invenio_stats.operations.anomalies.detection.sources import find_sources
from invenio_stats.operations.anomalies.events import PEOPLE
from invenio_stats.operations.anomalies.store import change, read_anomalies
from invenio_stats.operations.exclusions import (
    COMMAND,
    Excluded,
    Selection,
    check_countable,
    count_selected,
    exclude_events,
    include_events,
)
from invenio_stats.operations.raw_events import find_event_types

logger = logging.getLogger(__name__)

_FIELDS = {"item": "item", "country": "country", "referrer": "host"}


def explain_obstacle(anomaly: Anomaly) -> str | None:
    """Return why no events can be excluded, with the cure; None if they can."""
    if not anomaly.is_day:
        return _("%(id)s is a month. Exclude its unusual days, or keep it.", id=anomaly.id)
    if anomaly.state == "excluded" and anomaly.is_done:
        return _("The events of %(id)s are excluded. To exclude others, include them again first.", id=anomaly.id)
    if anomaly.what == "agent_class" and anomaly.value != PEOPLE:
        return _("Events of robots and tools do not count. There is nothing to exclude: keep %(id)s.", id=anomaly.id)
    return None


def choose_events(anomaly: Anomaly, narrowed: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the events to exclude: that of the anomaly, and those by which a person narrows it."""
    own = {_FIELDS[anomaly.what]: anomaly.value} if anomaly.what in _FIELDS else {}
    return {**narrowed, **own}


def preview(client: Any, anomaly: Anomaly, values: Mapping[str, str], now: datetime) -> Excluded:
    """Return what an exclusion would change."""
    return count_selected(client, _select(anomaly, values), now)


def exclude(client: Any, anomaly: Anomaly, values: Mapping[str, str], note: str, now: datetime) -> Anomaly:
    """Exclude events with these values, and count the totals of the day again.

    Called again after an interruption, it completes what was begun; so does the nightly task. With other values than
    those, it first brings back what they have excluded. Errors are those of `exclude_events`; StatsError, too, if
    somebody else has decided since `anomaly` was read. What else was found for the day, and is explained by these
    events, goes.
    """
    if not anomaly.is_done and dict(anomaly.selection) != dict(values):
        anomaly = include(client, anomaly, "open", "", now)
    events = anomaly.events
    if anomaly.is_done:
        events += preview(client, anomaly, values, now).documents
    chosen = {"selection": dict(values), "events": events}
    _decide(client, anomaly, lambda known: known.decide("excluded", note, now)._replace(is_done=False, **chosen))
    return _finish(client, anomaly.id, now)


def include(client: Any, anomaly: Anomaly, state: Literal["open", "kept"], note: str, now: datetime) -> Anomaly:
    """Bring back the events that were excluded, if any were; then it waits for a decision again, or is kept.

    StatsError if they are not all stored any more, or somebody else has decided since `anomaly` was read; then nothing
    is decided.
    """
    has_events = anomaly.state == "excluded" or not anomaly.is_done
    if has_events:
        check_countable(client, _select(anomaly, anomaly.selection), now)
    decided = _decide(client, anomaly, lambda known: known.decide(state, note, now)._replace(is_done=not has_events))
    return _finish(client, anomaly.id, now) if has_events else decided


def finish_decisions() -> int:
    """Complete the decisions that were interrupted; return how many.

    One that cannot be completed stops no other; its error is raised when the others are done. Those whose raw events
    have been deleted are logged: nobody can complete them any more.
    """
    client, now = current_search_client, datetime.now(timezone.utc)
    waiting = list(_find_waiting(client, now))
    failures: list[Exception] = []
    for anomaly in waiting:
        try:
            _finish(client, anomaly.id, now)
        except (StatsError, search.exceptions.TransportError) as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return len(waiting)


def _find_waiting(client: Any, now: datetime) -> Iterator[Anomaly]:
    interrupted = [anomaly for anomaly in read_anomalies(client) if anomaly.is_day and not anomaly.is_done]
    event_types = find_event_types(client, now) if interrupted else []
    for anomaly in interrupted:
        if all(date.fromisoformat(anomaly.period) >= known.complete_from.date() for known in event_types):
            yield anomaly
        else:
            logger.warning("A decision cannot be completed: its raw events are gone", extra={"anomaly": anomaly.id})


def _finish(client: Any, anomaly_id: str, now: datetime) -> Anomaly:
    anomaly = _change(client, anomaly_id, lambda known: known)
    selection = _select(anomaly, anomaly.selection)
    if anomaly.state == "excluded":
        exclude_events(client, selection, anomaly.note, now)
    else:
        command = f"{COMMAND} {'keep' if anomaly.state == 'kept' else 'include'}"
        include_events(client, selection, anomaly.note, now, command)
    done = _change(client, anomaly_id, lambda known: _end(known, anomaly))
    if not done.is_done:
        if anomaly.state == "excluded":  # the other one may not have seen all that this run has excluded
            include_events(client, selection, anomaly.note, now)
        raise _decided_meanwhile(anomaly_id)
    sources = find_sources(client)
    if sources is not None:
        examine_days(sources, [selection.day], now)
    return done


def _end(known: Anomaly, finished: Anomaly) -> Anomaly:
    """Return an anomaly whose decision was carried out; one with another decision has to be finished once more."""
    if (known.state, known.selection) != (finished.state, finished.selection):
        return known._replace(is_done=False, selection=known.selection or finished.selection)
    if known.state == "excluded":
        return known._replace(is_done=True)
    return known._replace(is_done=True, selection={}, events=0)


def _decide(client: Any, seen: Anomaly, make: Callable[[Anomaly], Anomaly]) -> Anomaly:
    """Change an anomaly by a decision of somebody who has seen it so, and return it; StatsError if it is another now.

    Otherwise nobody would know any more what the other decision has excluded.
    """

    def make_from(known: Anomaly) -> Anomaly:
        made = make(known)
        if _decision(known) not in (_decision(seen), _decision(made)):
            raise _decided_meanwhile(known.id)
        return made

    return _change(client, seen.id, make_from)


def _decision(anomaly: Anomaly) -> tuple[str, Mapping[str, str], bool]:
    return anomaly.state, anomaly.selection, anomaly.is_done


def _decided_meanwhile(anomaly_id: str) -> StatsError:
    return StatsError(
        _(
            "Somebody else has decided about %(id)s meanwhile. Look at it with `invenio stats anomalies show`, and "
            "decide again.",
            id=anomaly_id,
        )
    )


def _change(client: Any, anomaly_id: str, make: Callable[[Anomaly], Anomaly]) -> Anomaly:
    """Change an anomaly, and return it; StatsError if it was deleted meanwhile."""
    made: list[Anomaly] = []

    def change_known(known: Anomaly | None) -> Anomaly:
        if known is None:
            raise StatsError(_("%(id)s is not unusual any more.", id=anomaly_id))
        made.append(make(known))
        return made[-1]

    change(client, anomaly_id, change_known)
    return made[-1]


def _select(anomaly: Anomaly, values: Mapping[str, str]) -> Selection:
    return Selection(date.fromisoformat(anomaly.period), **values)
