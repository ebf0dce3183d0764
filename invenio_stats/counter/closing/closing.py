"""Close the months that are due."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from flask import current_app
from flask_babel import gettext as _

from invenio_stats.core.counter_closing import Obstacle
from invenio_stats.core.counter_months import Month
from invenio_stats.counter.closing.month_lease import Clock, MonthLease
from invenio_stats.counter.closing.readiness import Readiness, ReadinessCheck
from invenio_stats.counter.closing.revisions import OnItems, Reason, RevisionMaker
from invenio_stats.counter.closing.schedule import FirstMonth, open_months
from invenio_stats.counter.closing.sources import find_sources
from invenio_stats.counter.months import fetch_months
from invenio_stats.errors import MonthRefusedError

logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """What became of a month."""

    month: str
    is_closed: bool
    """False for a dry run, too."""
    obstacles: list[Obstacle]
    """Those that were accepted are among them."""
    sums: Mapping[str, int]
    """By metric; empty if the month was not closed."""


@dataclass(frozen=True)
class Closing:
    """Closes months, oldest first."""

    client: Any
    clock: Clock
    accepted: str | None = None
    """The operator's reason to ignore what may be ignored; None to ignore nothing."""
    on_month: Callable[[str], OnItems] = lambda month: lambda items: None
    """Called before a month is written; returns what is called with the number of items of each batch."""

    def find_due(self) -> list[str]:
        """Return the months that are due, oldest first."""
        now = self.clock()
        first = FirstMonth(self.client).find(find_sources().items, now)
        return open_months(first, fetch_months(self.client, now.date()), now)

    def check_chosen(self, month: str) -> None:
        """Raise MonthRefusedError for a month that may not be closed now."""
        now, due = self.clock(), self.find_due()
        if month in due[:1]:
            return
        if month in due:
            raise MonthRefusedError(
                _(
                    "%(month)s is not the next month: months are closed in order. Close %(first)s first.",
                    month=month,
                    first=due[0],
                )
            )
        if month in fetch_months(self.client, now.date()):
            raise MonthRefusedError(
                _(
                    "%(month)s is closed already. Only `invenio stats counter restate --month %(month)s` changes it.",
                    month=month,
                )
            )
        raise MonthRefusedError(
            _(
                "%(month)s is not due: a month can be closed %(days)s days after its end "
                "(STATS_COUNTER_CLOSE_AFTER_DAYS), from the first month of the reports on, as long as it is offered. "
                "See `invenio stats counter status`.",
                month=month,
                days=current_app.config["STATS_COUNTER_CLOSE_AFTER_DAYS"],
            )
        )

    def check(self, months: list[str]) -> Iterator[Outcome]:
        """Yield what stands in the way of each month; nothing is written."""
        readiness = ReadinessCheck(self.client, find_sources(), self.clock())
        for month in months:
            yield Outcome(month, False, readiness.check(month).obstacles, {})

    def close(self, months: list[str]) -> Iterator[Outcome]:
        """Close months, given in order, and yield what became of each; the first that cannot be closed is the last."""
        readiness = ReadinessCheck(self.client, find_sources(), self.clock())
        for month in months:
            found = readiness.check(month)
            if not self._may_ignore(found.obstacles):
                kinds = sorted({obstacle.kind for obstacle in found.obstacles})
                logger.warning("A month cannot be closed", extra={"month": month, "obstacles": kinds})
                yield Outcome(month, False, found.obstacles, {})
                return
            yield Outcome(month, True, found.obstacles, self._close(month, found))

    def _may_ignore(self, obstacles: list[Obstacle]) -> bool:
        return not obstacles or (self.accepted is not None and all(found.is_acceptable for found in obstacles))

    def _close(self, month: str, found: Readiness) -> Mapping[str, int]:
        sources = find_sources()
        life = timedelta(seconds=current_app.config["STATS_LEASE_SECONDS"])
        lease = MonthLease(self.client, month, life, self.clock)
        if lease.known is not None:  # another process has closed it since
            lease.release()
            return lease.known.sums
        first = FirstMonth(self.client)
        first.keep(first.find(sources.items, self.clock()) or month)
        maker = RevisionMaker(self.client, sources, month, self.clock, self.on_month(month))
        accepted = [
            {"reason": self.accepted, "what": obstacle.kind, "count": obstacle.number} for obstacle in found.obstacles
        ]
        maker.make(lease, Reason(self.accepted or "", accepted, len(found.gone)))
        closed: Month | None = lease.known
        assert closed is not None  # noqa: S101 - it was just written
        logger.info("A month was closed", extra={"month": month, "documents": closed.documents})
        return closed.sums
