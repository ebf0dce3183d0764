"""Ask all services what an operator has to know, within seconds also if one of them hangs, and judge the answers."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask_babel import gettext as _
from invenio_queues.queue import Queue
from invenio_search import current_search_client

from invenio_stats.broker.transports.drivers import limited_pool
from invenio_stats.core.moments import iso_zoned, parse, to_second
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.operations.monitoring import ingest_counters, last_runs
from invenio_stats.operations.monitoring.deadlines import Questions, Unknown, ask_all
from invenio_stats.operations.monitoring.status import queue_facts, run_facts, spool_status, totals_facts
from invenio_stats.proxies import current_stats

MAX_SECONDS = 2.0
"""How long the services may take, which are asked at the same time."""
MAX_WAIT = timedelta(days=1)
"""How long an event usually waits at most; older ones are a warning, since history may have been published."""

_BROKER_SECONDS = 1.5
"""How long a connection waits for the broker at a time."""

Part = dict[str, Any]
Runs = dict[last_runs.Kind, Part]


class Problem(NamedTuple):
    """What is wrong."""

    kind: str
    """`unknown`, `failed`, `late`, `quarantined`; of warnings `dead_letters`, `old_events`, `spool_rejected`."""
    name: str
    """The part, event type, aggregation or task."""
    message: str


class Health(NamedTuple):
    """The state of the pipeline. A part that could not be asked is None."""

    checked: datetime
    queues: Part | None
    """By event type: waiting, oldest_waiting, failed."""
    spool: Part | None
    """waiting, oldest_waiting, rejected, refused."""
    totals: Part | None
    """By aggregation: bookmark, lag_seconds, first_complete_day, quarantined."""
    runs: Runs | None
    """By kind and name: last_run, late."""
    outcomes: Part | None
    """By event type: number of events by outcome, ever."""
    problems: list[Problem]
    """What keeps numbers from being right or fresh."""
    warnings: list[Problem]
    """What somebody should look at some day."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON, with `status`: `ok` or `failing`."""
        return {
            **self._asdict(),
            "status": "failing" if self.problems else "ok",
            "checked": iso_zoned(to_second(self.checked)),
            "problems": [problem._asdict() for problem in self.problems],
            "warnings": [problem._asdict() for problem in self.warnings],
        }


def check_health(now: datetime) -> Health:
    """Ask all services; what is not answered within `MAX_SECONDS` is not known."""
    services: Mapping[str, Questions] = {
        "broker": {"queues": _queues},
        "disk": {"spool": _spool},
        "cache": {"runs": lambda: _runs(now)},
        "search engine": {
            "totals": lambda: _totals(now),
            "outcomes": lambda: ingest_counters.count_outcomes(current_search_client),
        },
    }
    answers = ask_all(services, MAX_SECONDS)
    parts = {name: None if isinstance(answer, Unknown) else answer for name, answer in answers.items()}
    health = Health(now, **parts, problems=[], warnings=[])
    unknown = [_unknown(name, answer.reason) for name, answer in answers.items() if isinstance(answer, Unknown)]
    return health._replace(
        problems=[*unknown, *_failures(health.runs or {}), *_quarantined(health.totals or {})],
        warnings=[*_left_over(health.queues or {}, now), *_rejected(health.spool or {})],
    )


def _queues() -> Part:
    events = current_stats.events
    if not events:
        return {}
    instance = next(iter(events.values())).queue.connection_pool
    with limited_pool(instance, _BROKER_SECONDS) as pool:
        return {
            name: queue_facts(Queue(current_stats.exchange, event.queue.routing_key, lambda: pool))
            for name, event in events.items()
        }


class _SpoolError(Exception):
    """The spool cannot be read."""


def _spool() -> Part:
    facts = spool_status()
    if facts.pop("problems"):
        raise _SpoolError
    return facts


def _totals(now: datetime) -> Part:
    aggregators = {
        name: aggregator
        for configured in current_stats.aggregations
        for name, aggregator in make_aggregators(configured).items()
    }
    return {name: totals_facts(name, aggregator, now) for name, aggregator in aggregators.items()}


def _runs(now: datetime) -> Runs:
    names: Mapping[last_runs.Kind, Any] = {
        "events": current_stats.events,
        "aggregations": current_stats.aggregations,
        "tasks": last_runs.TASKS,
    }
    return {kind: {name: run_facts(kind, name, now) for name in known} for kind, known in names.items()}


def _unknown(part: str, reason: str) -> Problem:
    if reason == "timeout":
        return Problem("unknown", part, _("No answer within %(seconds)s seconds.", seconds=MAX_SECONDS))
    return Problem("unknown", part, _("No answer (%(error)s).", error=reason))


def _failures(runs: Mapping[Any, Part]) -> Iterator[Problem]:
    for known in runs.values():
        for name, facts in known.items():
            if error := find_error(facts["last_run"]):
                yield Problem("failed", name, _("The last run failed (%(error)s).", error=error))
            if facts["late"]:
                yield Problem("late", name, _("No run for three times as long as usual."))


def find_error(last_run: Mapping[str, Any] | None) -> str | None:
    """Return the type of the error of a run, or of one of its steps; None if there was none."""
    facts = last_run or {}
    errors = [facts.get("error"), *(step.get("error") for step in facts.values() if isinstance(step, Mapping))]
    return next(filter(None, errors), None)


def _quarantined(totals: Part) -> Iterator[Problem]:
    for name, facts in totals.items():
        if facts["quarantined"]:
            message = _("%(count)s totals fail again and again.", count=facts["quarantined"])
            yield Problem("quarantined", name, message)


def _left_over(queues: Part, now: datetime) -> Iterator[Problem]:
    for name, facts in queues.items():
        if facts["failed"]:
            yield Problem("dead_letters", name, _("%(count)s events could not be stored.", count=facts["failed"]))
        if facts["oldest_waiting"] and now - parse(facts["oldest_waiting"]) > MAX_WAIT:
            yield Problem("old_events", name, _("Events of %(moment)s wait.", moment=facts["oldest_waiting"]))


def _rejected(spool: Part) -> Iterator[Problem]:
    if spool.get("rejected"):
        yield Problem("spool_rejected", "spool", _("%(count)s messages cannot be read.", count=spool["rejected"]))
