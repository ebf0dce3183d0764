"""Write the state of the pipeline as metrics for Prometheus."""

from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from typing import Any, NamedTuple

from invenio_stats.core.moments import parse
from invenio_stats.operations.monitoring.health import Health, find_error

PARTS = ("queues", "spool", "totals", "runs", "outcomes")

Sample = tuple[list[str], float]
"""Values of the labels, and the value."""


def is_available() -> bool:
    """Return True if prometheus_client is installed."""
    return find_spec("prometheus_client") is not None


def media_type() -> str:
    """Return the media type of what `write_metrics` returns."""
    from prometheus_client import CONTENT_TYPE_LATEST  # an extra

    return CONTENT_TYPE_LATEST


def write_metrics(health: Health) -> bytes:
    """Return the metrics as text. What is not known is left out; `invenio_stats_up` says of which part."""
    from prometheus_client import generate_latest  # an extra

    return generate_latest(_Source(health))  # type: ignore[arg-type]


class _Source(NamedTuple):
    """What prometheus_client reads metrics from."""

    health: Health

    def collect(self) -> Iterator[Any]:
        """Yield all metrics, each with its samples."""
        yield from _families(self.health)


def _families(health: Health) -> Iterator[Any]:
    """Yield the metrics of all parts; a part that is not known has families without samples."""
    queues, totals, spool = health.queues or {}, health.totals or {}, {"": health.spool} if health.spool else {}
    is_known = [([part], float(getattr(health, part) is not None)) for part in PARTS]
    yield _gauge("up", "Whether a part of the pipeline could be asked.", ["part"], is_known)
    yield _gauge("queue_waiting", "Messages on the queue.", ["event_type"], _samples(queues, "waiting"))
    yield _gauge(
        "queue_oldest_seconds",
        "Age of the oldest event on the queue; absent if there is none, or the broker cannot show it.",
        ["event_type"],
        _ages(queues, health.checked),
    )
    yield _gauge("dead_letters", "Events that could not be stored.", ["event_type"], _samples(queues, "failed"))
    yield _gauge("spool_waiting", "Messages in this machine's spool.", [], _samples(spool, "waiting"))
    yield _gauge(
        "spool_oldest_seconds", "Age of the oldest message in this machine's spool.", [], _ages(spool, health.checked)
    )
    yield _gauge("spool_rejected", "Messages in this machine's spool to be looked at.", [], _samples(spool, "rejected"))
    yield _counter("spool_refused", "Events that this machine's spool refused.", [], _samples(spool, "refused"))
    yield _gauge(
        "lag_seconds",
        "Age of the bookmark: up to then totals are counted.",
        ["aggregation"],
        _samples(totals, "lag_seconds"),
    )
    yield _gauge(
        "quarantined_totals", "Totals that fail again and again.", ["aggregation"], _samples(totals, "quarantined")
    )
    yield from _runs(health)
    outcomes = [
        ([event_type, outcome], float(number))
        for event_type, numbers in (health.outcomes or {}).items()
        for outcome, number in numbers.items()
    ]
    yield _counter(
        "events", "Events by outcome: stored, or the reason why they do not count.", ["event_type", "outcome"], outcomes
    )


def _runs(health: Health) -> Iterator[Any]:
    runs = [
        ([kind, name], facts)
        for kind, known in (health.runs or {}).items()
        for name, facts in known.items()
        if facts["last_run"]
    ]
    labels = ["kind", "name"]
    yield _gauge(
        "last_run_timestamp_seconds",
        "When the last run ended.",
        labels,
        [(values, parse(facts["last_run"]["finished"]).timestamp()) for values, facts in runs],
    )
    yield _gauge(
        "last_run_duration_seconds",
        "How long the last run took.",
        labels,
        [(values, facts["last_run"]["seconds"]) for values, facts in runs],
    )
    yield _gauge(
        "last_run_failed",
        "1 if the last run failed.",
        labels,
        [(values, float(find_error(facts["last_run"]) is not None)) for values, facts in runs],
    )
    yield _gauge(
        "late",
        "1 if there was no run for three times as long as usual.",
        labels,
        [(values, float(facts["late"])) for values, facts in runs],
    )


def _samples(lines: dict[str, Any], fact: str) -> list[Sample]:
    return [(_labels(name), float(line[fact])) for name, line in lines.items() if line[fact] is not None]


def _ages(lines: dict[str, Any], now: datetime) -> list[Sample]:
    return [
        (_labels(name), max(0.0, (now - parse(line["oldest_waiting"])).total_seconds()))
        for name, line in lines.items()
        if line["oldest_waiting"] is not None
    ]


def _labels(name: str) -> list[str]:
    return [name] if name else []


def _gauge(name: str, text: str, labels: list[str], samples: list[Sample]) -> Any:
    from prometheus_client.core import GaugeMetricFamily  # an extra

    return _filled(GaugeMetricFamily(f"invenio_stats_{name}", text, labels=labels), samples)


def _counter(name: str, text: str, labels: list[str], samples: list[Sample]) -> Any:
    from prometheus_client.core import CounterMetricFamily  # an extra

    return _filled(CounterMetricFamily(f"invenio_stats_{name}", text, labels=labels), samples)


def _filled(family: Any, samples: list[Sample]) -> Any:
    for values, value in samples:
        family.add_metric(values, value)
    return family
