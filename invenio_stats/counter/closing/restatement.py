"""Restate a closed month: the only way in which its numbers change."""

import logging
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from flask import current_app
from flask_babel import gettext as _

from invenio_stats.core.counter_months import Edges, Month, edges_of
from invenio_stats.counter.closing.month_lease import Clock, MonthLease
from invenio_stats.counter.closing.month_usage import Difference
from invenio_stats.counter.closing.raw_days import REQUESTS, SEARCHES, TOTAL, RawDays, compare_days
from invenio_stats.counter.closing.restatement_log import note_restatements
from invenio_stats.counter.closing.revisions import OnItems, Reason, RevisionMaker
from invenio_stats.counter.closing.sources import Sources, find_sources
from invenio_stats.counter.months import fetch_months
from invenio_stats.errors import MonthRefusedError

logger = logging.getLogger(__name__)


class Restated(NamedTuple):
    """What a restatement has changed, or would change."""

    month: str
    revision: int
    """The number of the new revision."""
    difference: Difference
    gone: int
    """Number of days whose raw events are gone; their totals are taken as they are."""


def restate(
    client: Any, month: str, reason: str, clock: Clock, on_items: OnItems = lambda items: None, is_dry: bool = False
) -> Restated:
    """Make a new revision of a closed month; with `is_dry` only tell what it would change.

    It is noted in the log of corrections. MonthRefusedError if the month is not closed, not offered any more, or has
    day totals that are missing.
    """
    sources = find_sources()
    known = _check_closed(client, month, clock().date())
    gone = _check_days(sources, edges_of(month), known, clock)
    if is_dry:
        maker = RevisionMaker(client, sources, month, clock, on_items, known)
        return Restated(month, maker.number, maker.compare(), gone)
    lease = MonthLease(client, month, timedelta(seconds=current_app.config["STATS_LEASE_SECONDS"]), clock)
    maker = RevisionMaker(client, sources, month, clock, on_items, lease.known)  # as it is since nobody else writes it
    difference = maker.make(lease, Reason(reason, gone=gone))
    facts = {"month": month, "revision": maker.number, "items": difference.items, "difference": dict(difference.sums)}
    logger.warning("A month was restated", extra=facts)
    if lease.known is not None:
        note_restatements(client, [lease.known])
    return Restated(month, maker.number, difference, gone)


def _check_closed(client: Any, month: str, today: date) -> Month:
    known = fetch_months(client, today).get(month)
    if known is None:
        raise MonthRefusedError(
            _(
                "%(month)s cannot be restated: it is not closed, or no longer offered. See `invenio stats counter "
                "status`.",
                month=month,
            )
        )
    return known


def _check_days(sources: Sources, edges: Edges, known: Month, clock: Clock) -> int:
    """Return the number of days whose totals are taken as they are; MonthRefusedError if totals are missing."""
    items = compare_days(sources.items, edges, clock(), (TOTAL, REQUESTS))
    _refuse_different(sources.items.aggregation, known.month, items)
    missing = _find_missing(items, known.days, TOTAL)
    if sources.searches is not None:
        searches = compare_days(sources.searches, edges, clock(), (SEARCHES,))
        _refuse_different(sources.searches.aggregation, known.month, searches)
        missing |= _find_missing(searches, known.search_days, SEARCHES)
    if missing:
        raise MonthRefusedError(
            _(
                "%(month)s cannot be restated: the totals of %(days)s are missing, and their raw events are gone, so "
                "that the month would lose them. Restore them with `invenio stats import`.",
                month=known.month,
                days=", ".join(sorted(missing)),
            )
        )
    return len(items.gone) + len(items.unreadable)


def _find_missing(days: RawDays, known: Mapping[str, int], field: str) -> set[str]:
    """Return the days that had numbers, and have neither totals nor raw events to count them anew."""
    without_events = {*days.gone, *days.unreadable, *days.uncovered}
    return {f"{day}" for day in without_events if known.get(f"{day}") and not days.sums.get(day, {}).get(field)}


def _refuse_different(aggregation: str, month: str, days: RawDays) -> None:
    if days.closed_totals:
        raise MonthRefusedError(
            _(
                "%(month)s cannot be restated: the indices of its totals %(indices)s are closed. Open them first.",
                month=month,
                indices=", ".join(days.closed_totals),
            )
        )
    if days.differences:
        different = sorted({difference.day for difference in days.differences})
        raise MonthRefusedError(
            _(
                "%(month)s cannot be restated: %(name)s has not counted all raw events of %(days)s. Run `invenio stats "
                "aggregations process %(name)s --from %(first)s --to %(last)s` first.",
                month=month,
                name=aggregation,
                days=", ".join(map(str, different)),
                first=different[0],
                last=different[-1],
            )
        )
