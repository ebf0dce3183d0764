"""Deposit a month: the parts of its report one after the other, so that each dataset is there once in the end.

A report that the service may have is never created again, because that would be ignored, or double its numbers: the
first part replaces all that is there, and the others are added to it. If a part may or may not have been added, the run
starts over with the first.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from invenio_search.engine import search

from invenio_stats.core.counter_deposit import DEPOSITED, SENDING, Deposit
from invenio_stats.counter.deposit.client import UncertainOutcomeError, UsageReportsClient
from invenio_stats.counter.deposit.datasets import Datasets, summarize
from invenio_stats.counter.deposit.documents import Part, build_body, build_sample
from invenio_stats.counter.deposit.state import DepositState
from invenio_stats.errors import DepositError

logger = logging.getLogger(__name__)

_MAX_LOGGED = 100
"""Datasets of which the log names the items."""

OnPart = Callable[[Part], object]
"""Called for each part that was sent."""


class Result(NamedTuple):
    """What a run has done."""

    month: str
    outcome: str
    """`deposited`, `unchanged`, or `nothing` if no dataset was used, and none was deposited before."""
    datasets: int
    parts: int
    left_out: int
    """Datasets that were used, but have no DOI."""
    id: str
    """The service's id of the report; "" if there is none."""
    same_doi: tuple[tuple[str, ...], ...] = ()
    """The ids of items that are one dataset, because they have the same DOI."""


def deposit(
    state: DepositState,
    datasets: Datasets,
    service: UsageReportsClient,
    on_part: OnPart = lambda part: None,
) -> Result:
    """Deposit a month, or what is missing of it; DepositError if that was not possible.

    What the service has of this revision already is not sent again if its datasets are still the same.
    """
    state.claim()
    service.on_retry = state.change
    try:
        return _Run(state, datasets, service, on_part).run()
    except Exception:  # a soft time limit, too; a process that is killed leaves its claim, which expires
        _release(state)
        raise


def _release(state: DepositState) -> None:
    try:
        state.release()
    except search.exceptions.TransportError:  # then it expires
        return


class _ChangedError(Exception):
    """The datasets of the parts that were sent before are not the same any more."""


class _Run:
    """One run, which has the claim."""

    def __init__(self, state: DepositState, datasets: Datasets, service: UsageReportsClient, on_part: OnPart):
        self._state, self._datasets, self._service, self._on_part = state, datasets, service, on_part
        self._revision = state.month.revision

    @property
    def _deposit(self) -> Deposit:
        return self._state.deposit

    def run(self) -> Result:
        if self._deposit.is_of(self._revision):
            summary = summarize(self._datasets.parts())
            if summary.checksum == self._deposit.checksum:
                self._state.finish()
                return self._result("unchanged", summary.datasets)
        pauses = iter(self._service.pauses)
        while True:
            try:
                return self._send_all()
            except _ChangedError:
                self._state.change(part=0)
            except UncertainOutcomeError as error:
                pause = next(pauses, None)
                if pause is None:
                    raise DepositError(
                        f"The usage reports service left it open again and again whether it took a part: "
                        f"{error.reason}. Run the command again later; it starts over."
                    ) from error
                facts = {"month": self._state.month.month, "reason": error.reason, "seconds": max(pause, error.pause)}
                logger.warning("A deposit starts over: a part may have been taken or not", extra=facts)
                self._service.sleep(max(pause, error.pause))

    def _send_all(self) -> Result:
        kept, datasets, part = self._deposit.parts_to_keep(self._revision), 0, None
        for part in self._datasets.parts():
            datasets += len(part.datasets)
            if part.number > kept:
                self._send_first(part) if part.number == 1 else self._send_further(part)
                self._on_part(part)
            elif part.number == kept and part.checksum != self._deposit.checksum:
                raise _ChangedError
        if part.number < kept:
            raise _ChangedError
        self._state.finish(
            state=DEPOSITED, revision=self._revision, checksum=part.checksum, datasets=datasets, at=self._state.moment()
        )
        return self._result("deposited" if self._deposit.is_tried else "nothing", datasets)

    def _send_first(self, part: Part) -> None:
        was_tried = self._deposit.is_tried
        if not part.datasets and not was_tried:
            return
        body = build_body(self._datasets.report, part)
        self._state.change(state=SENDING, revision=self._revision, is_tried=True, part=0, is_adding=False, checksum="")
        if was_tried:
            report_id = self._deposit.id or self._find(part)
            self._service.replace(report_id, body, part.is_compressed)
        else:
            report_id = self._create(body, part.is_compressed)
        self._state.change(id=report_id, part=1, checksum=part.checksum)

    def _create(self, body: bytes, is_compressed: bool) -> str:
        try:
            return self._service.create(body, is_compressed)
        except DepositError as error:
            if error.status:  # the service has refused it, so it does not have it
                self._state.change(is_tried=False)
            raise

    def _find(self, part: Part) -> str:
        """Return the id of a report that the service has if an answer was lost, and otherwise gets now."""
        report_id = self._service.find(build_sample(self._datasets.report, part))
        self._state.change(id=report_id)
        return report_id

    def _send_further(self, part: Part) -> None:
        self._state.change(is_adding=True)
        self._service.add(build_body(self._datasets.report, part))
        self._state.change(part=part.number, is_adding=False, checksum=part.checksum)

    def _result(self, outcome: str, datasets: int) -> Result:
        deposit, month, merged = self._deposit, self._state.month.month, tuple(self._datasets.merged)
        if merged:
            facts = {"month": month, "count": len(merged), "items": merged[:_MAX_LOGGED]}
            logger.warning("Items with the same DOI are deposited as one dataset", extra=facts)
        return Result(month, outcome, datasets, deposit.part, self._datasets.left_out, deposit.id, merged)
