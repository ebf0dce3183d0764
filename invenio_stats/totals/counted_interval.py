"""Build the write operations for the counted totals of one interval."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from celery.exceptions import SoftTimeLimitExceeded

from invenio_stats.core.intervals import after, floor
from invenio_stats.core.moments import iso, utc
from invenio_stats.errors import ForeignTotalError, UnreadableTotalError
from invenio_stats.privacy.error_texts import describe, without_text
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.totals import search_bodies
from invenio_stats.totals.attributes import Aggregator, recount_of, store_of
from invenio_stats.totals.lost_events import without_lost
from invenio_stats.totals.model import CountedTotal
from invenio_stats.totals.recount import Recount
from invenio_stats.totals.stored import TotalsStore
from invenio_stats.totals.writing import Action, Failure

Clock = Callable[[], datetime]

logger = logging.getLogger(__name__)


@dataclass
class CountedInterval:
    """The counted totals of one interval of an aggregation; they are read once, while they are counted."""

    name: str
    """Name of the aggregation."""
    start: datetime
    store: TotalsStore
    counted: Iterator[CountedTotal]
    clock: Clock
    failures: list[Failure] = field(default_factory=list)
    """Totals that could not be built; a run has one list for all its intervals."""

    is_foreign_logged: bool = False
    """The first total of another aggregation is logged; there may be thousands."""

    def actions(self) -> Iterator[Action]:
        """Yield the operations that make the stored totals equal to the count.

        A total that is already equal is not written; a total without events is deleted. If a copy function raises,
        the error is logged, the total is added to the failures, and the next total follows.
        """
        for counted_total in self.counted:
            try:
                action = self.store.action(counted_total, self.clock())
            except ForeignTotalError as error:
                self.failures.append(Failure(self.start, counted_total.total_key.key, type(error).__name__, "never"))
                if not self.is_foreign_logged:
                    self.is_foreign_logged = True
                    facts = {"aggregation": self.name, "interval": iso(self.start), "error": str(error)}
                    logger.error("Another aggregation's total is left as it is", extra=facts)
                continue
            except UnreadableTotalError as error:
                self.failures.append(Failure(self.start, counted_total.total_key.key, error.reason, "later"))
                continue
            except SoftTimeLimitExceeded:
                raise
            except Exception as error:
                facts = {"aggregation": self.name, "interval": iso(self.start)}
                logger.error("Error building a total", exc_info=without_text(error), extra=facts)
                self.failures.append(Failure(self.start, counted_total.total_key.key, describe(error), "never"))
                continue
            if action is not None:
                yield action


def count_interval(
    aggregator: Aggregator, dt: datetime, previous_bookmark: datetime | None, clock: Clock
) -> CountedInterval:
    """Count the interval that contains `dt`, for callers of `agg_iter` outside of a run.

    It counts the total keys that were touched since the bookmark, or all of them if the bookmark is None.
    """
    start = floor(dt, aggregator.interval)
    recount, store = recount_of(aggregator), store_of(aggregator)
    counted: Iterator[CountedTotal] = iter(())
    if recount is not None:
        where = clauses.between(start, after(start, aggregator.interval))
        if previous_bookmark is None:
            counted = count_all(recount, store, where)
        else:
            changed = search_bodies.changed_since(utc(previous_bookmark), aggregator.interval)
            total_keys = recount.iter_total_keys(clauses.all_of([changed, where]))
            counted = store.with_stored(recount.count_keys(total_keys))
        counted = without_lost(recount, counted, aggregator.name)
    return CountedInterval(aggregator.name, start, store, counted, clock)


def count_all(recount: Recount, store: TotalsStore, where: Body) -> Iterator[CountedTotal]:
    """Yield a count of every total key of the events that `where` matches, with the stored totals."""
    is_anywhere = store.is_anywhere()
    counted = recount.count_all(where, with_gone=is_anywhere)
    return store.with_stored(counted) if is_anywhere else counted
