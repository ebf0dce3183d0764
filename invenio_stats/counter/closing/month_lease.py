"""Let one process at a time close or restate a month: the lease is in the month's own document.

So the document that makes a new revision known is written only by the process that has the lease, however long that was
stopped in between.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from invenio_stats.core.counter_months import STATES, Month
from invenio_stats.core.moments import iso_zoned, parse
from invenio_stats.counter.months import shared_month
from invenio_stats.errors import MonthBusyError, MonthUnfinishedError
from invenio_stats.search.versions import Source

_WORK = "work"
_MAX_ATTEMPTS = 20
_MAX_PAUSE_SECONDS = 0.05

Clock = Callable[[], datetime]


class MonthLease:
    """The right to write a month. It ends if its process gives no sign of life for `life`."""

    def __init__(self, client: Any, month: str, life: timedelta, clock: Clock):
        """Take the lease; MonthBusyError if another process has it."""
        self.token = uuid4().hex[:16]
        self._month = month
        self._life = life
        self._clock = clock
        self._document = shared_month(client, month)
        self._alive = clock()
        self._write(self._take)

    @property
    def known(self) -> Month | None:
        """The month as it was when it was read last; None if it was not closed yet."""
        source = self._document.source
        return Month.from_source(source) if source.get("state") in STATES else None

    def heartbeat(self) -> None:
        """Give a sign of life if a quarter of the lease's life is over; MonthUnfinishedError if the lease is lost."""
        if self._clock() - self._alive > self._life / 4:
            self.renew()

    def renew(self) -> None:
        """Give a sign of life now; MonthUnfinishedError if the lease is lost."""
        self._alive = self._clock()
        self._change(lambda source: {**source, _WORK: self._work()})

    def finish(self, month: Month) -> None:
        """Write the month and end the lease, in one request; what the deposit wrote meanwhile stays."""
        own = month.as_source()

        def write(source: Source) -> Source | None:
            if all(source.get(field) == own[field] for field in ("revision", "log")):
                return None  # it was written, and the client has sent the request again because the answer was lost
            self._check(source)
            return {**own, "deposit": source.get("deposit", {})}

        self._write(write)

    def release(self) -> None:
        """End the lease, and leave the month as it was."""
        self._change(lambda source: {field: value for field, value in source.items() if field != _WORK})

    def _take(self, source: Source) -> Source:
        work = source.get(_WORK)
        is_other = work is not None and work["token"] != self.token
        # Of a clock that was wrong: a sign of life from the future is none.
        if is_other and abs(self._clock() - parse(work["alive"])) <= self._life:
            raise MonthBusyError(self._month, self._life.total_seconds())
        return {**source, "month": self._month, _WORK: self._work()}

    def _work(self) -> Mapping[str, str]:
        return {"token": self.token, "alive": iso_zoned(self._alive)}

    def _change(self, make: Callable[[Source], Source]) -> None:
        def change(source: Source) -> Source:
            self._check(source)
            return make(source)

        self._write(change)

    def _check(self, source: Source) -> None:
        """Raise MonthUnfinishedError if another process has the lease."""
        if source.get(_WORK, {}).get("token") != self.token:
            raise MonthUnfinishedError(f"Another process has taken over {self._month}. Let that one finish.")

    def _write(self, make: Callable[[Source], Source | None]) -> None:
        if not self._document.change(make, _MAX_ATTEMPTS, _MAX_PAUSE_SECONDS):
            raise MonthUnfinishedError(f"Other processes keep changing {self._month}. Run the command again.")
