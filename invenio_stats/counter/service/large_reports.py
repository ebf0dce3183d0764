"""Give out large COUNTER reports: from a file if there is one, else a task makes it once."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread
from typing import IO, Any, NamedTuple

from celery.exceptions import SoftTimeLimitExceeded
from flask import current_app

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.counter_months import Month
from invenio_stats.counter.items import newest_change
from invenio_stats.counter.reports.formats import WRITERS
from invenio_stats.counter.reports.report import build_report
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.service import report_queue
from invenio_stats.counter.service.report_files import file_name, new_file, open_file
from invenio_stats.privacy.error_texts import describe, without_text

logger = logging.getLogger(__name__)

_RENEW_SECONDS = 20.0
"""A worker gives a sign of life as often, while it makes a report."""

SERVICE_NOT_AVAILABLE, BUSY, QUEUED = CounterException(1000), CounterException(1010), CounterException(1011)


class WantedReport(NamedTuple):
    """A report in a format."""

    request: ReportRequest
    exceptions: tuple[CounterException, ...]
    """Those of its request, for its header."""
    media: str
    """json, tsv or xlsx."""

    def as_task(self) -> dict[str, Any]:
        """Return what `from_task` takes, as JSON."""
        return {
            "request": self.request.as_dict(),
            "exceptions": [list(exception) for exception in self.exceptions],
            "media": self.media,
        }

    @classmethod
    def from_task(cls, values: Mapping[str, Any]) -> "WantedReport":
        """Return the report that a task is to make."""
        exceptions = tuple(CounterException(code, data) for code, data in values["exceptions"])
        return cls(ReportRequest.from_dict(values["request"]), exceptions, values["media"])


Send = Callable[[str, str, Mapping[str, Any]], object]
"""Sends the task `make_counter_report` with the name of the file, the token of its claim and the report."""


def fetch_or_queue(
    client: Any, wanted: WantedReport, months: Mapping[str, Month], now: datetime, send: Send
) -> IO[bytes] | CounterException:
    """Return the file of a report, opened; else the exception that is the answer, mostly 1011.

    A task is sent if nobody makes the report already. 1000 if it failed some minutes ago, or the file is not where it
    should be; 1010 if very many reports wait.
    """
    name = file_name(wanted.request, wanted.exceptions, wanted.media, months, newest_change(client))
    file = open_file(name, now)
    if file is not None:
        return file
    decision, token = report_queue.claim(client, name, now)
    if decision == "start":
        try:
            send(name, token, wanted.as_task())
        except BaseException:
            report_queue.withdraw(client, name, token, now)
            raise
    elif decision == "failed":
        file = open_file(name, now)  # a worker may have ended in between
        if file is not None:
            return file
        logger.error("A large COUNTER report failed, or its file is not there", extra={"file": name})
    return {"full": BUSY, "failed": SERVICE_NOT_AVAILABLE}.get(decision, QUEUED)


def write_report(client: Any, wanted: WantedReport, now: datetime, file: IO[bytes]) -> None:
    """Write a report in its format to a binary file."""
    report = build_report(client, wanted.request, now, wanted.exceptions)
    WRITERS[wanted.media](report, file)


def make_report_file(client: Any, name: str, token: str, wanted: WantedReport, clock: Callable[[], datetime]) -> str:
    """Write a report to its file; return what became of it: made, there, running or failed.

    An error is logged; the report is tried again some minutes later, if it is asked for.
    """
    if _is_there(name, clock()):
        report_queue.end(client, name, token, "made", clock())
        return "there"
    if not report_queue.start(client, name, token, clock()):
        return "running"
    try:
        with _signs_of_life(client, name, token, clock), new_file(name, clock()) as file:
            write_report(client, wanted, clock(), file)
    except SoftTimeLimitExceeded:
        report_queue.end(client, name, token, "failed", clock())
        raise
    except Exception as error:
        logger.error("A COUNTER report could not be made", exc_info=without_text(error), extra={"file": name})
        report_queue.end(client, name, token, "failed", clock())
        return "failed"
    report_queue.end(client, name, token, "made", clock())
    return "made"


def _is_there(name: str, now: datetime) -> bool:
    file = open_file(name, now)
    if file is not None:
        file.close()
    return file is not None


@contextmanager
def _signs_of_life(client: Any, name: str, token: str, clock: Callable[[], datetime]) -> Iterator[None]:
    """Renew the claim while the block runs, from a thread: a report may be read for minutes before it is written."""
    app, ended = current_app._get_current_object(), Event()

    def renew() -> None:
        with app.app_context():
            while not ended.wait(_RENEW_SECONDS):
                try:
                    report_queue.renew(client, name, token, clock())
                except Exception as error:  # of any client library; the next one may succeed
                    logger.warning("The claim of a COUNTER report was not renewed", extra={"error": describe(error)})

    thread = Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
