"""Reclassify stored events, and have everything counted again that they are counted in."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _

from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import BEGINNING, iso_zoned, parse, parse_calendar
from invenio_stats.core.names import automated_aggregation
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.errors import StatsError
from invenio_stats.operations.corrections import note_correction
from invenio_stats.operations.reclassification.plan import OnProgress, Plan, make_plan
from invenio_stats.operations.reclassification.rewriting import Rewriting
from invenio_stats.operations.reclassification.state import Pending, State, read_state, write_state
from invenio_stats.operations.recount import recount_events
from invenio_stats.operations.verification.comparison import Comparison
from invenio_stats.operations.verification.rebuild import begin
from invenio_stats.privacy.user_agents.cache import current_classifier
from invenio_stats.proxies import current_stats
from invenio_stats.search import aliases
from invenio_stats.totals.complete_days import estimate_day
from invenio_stats.totals.leases import RunLease

COMMAND = "invenio stats robots reclassify"

Months = Mapping[str, Mapping[str, int]]
"""By month, how much each number changes."""

_LOCK = "reclassification:"
"""Name of the lease that one run holds."""


def run(plan: Plan, clock: Callable[[], datetime], on_progress: OnProgress | None = None) -> None:
    """Rewrite the events of a plan, count their totals again, and note the correction.

    If it is interrupted anywhere, it is completed by a further run, whose plan then has only what is left.
    EngineUnavailableError if the engine or an index refuses, StatsError if totals could not be counted: run it again.
    StatsError, too, if another run is at work: were one of two killed, the other would not know what it has left.
    """
    client = plan.client
    if not plan.days and read_state(client) is None:
        return
    seconds = current_app.config["STATS_LEASE_SECONDS"]
    lease = RunLease(client, _LOCK, timedelta(seconds=seconds), clock(), clock)
    if not lease.claim({BEGINNING: 0}).granted:
        raise StatsError(
            "Another reclassification is at work. Let it end, and run the command again. If it was killed, wait for "
            f"{seconds:g} seconds (STATS_LEASE_SECONDS) first."
        )
    try:
        _run(plan, clock, lease, on_progress)
    finally:
        with suppress(Exception):  # it expires
            lease.release(unfinished=[BEGINNING])


def _run(plan: Plan, clock: Callable[[], datetime], lease: RunLease, on_progress: OnProgress | None) -> None:
    client, state = plan.client, _begin(plan, clock())
    by_name = {event_type.name: event_type for event_type in plan.event_types}

    def rewrite(state: State, pending: Pending) -> State:
        lease.heartbeat()
        state = state._replace(pending=pending)
        write_state(client, state)  # first: what is rewritten in part is found by this only
        Rewriting(client, by_name[pending.event_type], plan.known, clock).rewrite(pending.index_name, pending.groups)
        return state

    pending = state.pending
    # Of an index that does not exist, somebody has deleted the events meanwhile.
    if pending and pending.event_type in by_name and aliases.indices_of(client, pending.index_name):
        state = rewrite(state, pending)
    done, total = 0, plan.events.total()
    for event_type, index, groups, events in plan.parts():
        state = rewrite(state, Pending(event_type.name, index, groups))
        done += events
        if on_progress is not None:
            on_progress(min(done, total), total)
    recount_events(state.days, parse(state.began))
    for event_type_name, days in state.days.items():
        _recount_automated(event_type_name, days, clock())
    _note(client, state)
    write_state(client, None)


def is_unfinished(client: Any) -> bool:
    """Return True if a reclassification has begun, and was interrupted."""
    return read_state(client) is not None


def _begin(plan: Plan, now: datetime) -> State:
    """Return the state of this reclassification, or that of the interrupted one, which it completes."""
    edges = (plan.first and iso_zoned(plan.first)[:10], plan.last and iso_zoned(plan.last)[:10])
    lists = current_classifier().version
    known = read_state(plan.client)
    if known is None:
        state = State(iso_zoned(now), lists, edges, plan.changes.months, plan.days)
    else:
        days = {
            name: sorted({*known.days.get(name, ()), *plan.days.get(name, ())}) for name in {**known.days, **plan.days}
        }
        is_same = (known.lists, known.edges) == (lists, edges)
        months = known.months if is_same else _add_months(plan.changes.months, _find_done(plan, known, lists, now))
        state = known._replace(lists=lists, edges=edges, days=days, months=months)
    write_state(plan.client, state)
    return state


def _find_done(plan: Plan, known: State, lists: str, now: datetime) -> Months:
    """Return how much an interrupted run of other days has changed.

    Nothing if it went by other lists: what these would change now, nobody can tell any more.
    """
    if known.lists != lists:
        return {}
    first, last = (edge and parse_calendar(edge) for edge in known.edges)
    left = make_plan(plan.client, first or None, last or None, now).changes.months
    return _add_months(known.months, left, sign=-1)


def _add_months(months: Months, others: Months, sign: int = 1) -> Months:
    found = {month: Counter(numbers) for month, numbers in months.items()}
    for month, numbers in others.items():
        sums = found.setdefault(month, Counter())
        for number, change in numbers.items():
            sums[number] += sign * change
    return found


def _recount_automated(event_type: str, days: Iterable[str], now: datetime) -> None:
    """Make the totals of automated traffic right: an event does not tell in which class it was counted before."""
    moments = sorted(map(parse_calendar, days))
    for name, definition in current_stats.aggregations.items():
        if moments and event_type in definition.event_types:
            aggregator = make_aggregators(name).get(automated_aggregation(name))
            if aggregator is not None:
                _rebuild(aggregator, moments, now)


def _rebuild(aggregator: Any, days: Sequence[datetime], now: datetime) -> None:
    """Rebuild the totals of these days, also if none of their events is in the same class any more.

    Not those of which events have been deleted since the reclassification began.
    """
    complete = estimate_day(aggregator, now)
    due = sorted({start for day in days if (start := floor(day, aggregator.interval)) >= complete})
    if not due:
        return
    rebuild = begin(aggregator, due[0], days[-1])
    rebuild.is_noted = False
    verification = rebuild.verification
    verification.starts = [start for start in verification.starts if start in due]
    if isinstance(verification.comparison, Comparison):
        verification.comparison.keeps_lost = False
    for _difference in rebuild.differences():
        pass
    failed = rebuild.run().failed
    if failed:
        raise StatsError(
            _(
                "%(name)s could not be counted (%(reason)s); the log says more. Run the command again.",
                name=aggregator.name,
                reason=_("totals that could not be written: %(count)s", count=failed),
            )
        )


def _note(client: Any, state: State) -> None:
    if not state.days:
        return
    summary = f"Events of user agents were given the classes of the lists {state.lists}."
    note_correction(
        client, "reclassification", summary, state.months, parse(state.began), COMMAND, f"{COMMAND} {state.began}"
    )
