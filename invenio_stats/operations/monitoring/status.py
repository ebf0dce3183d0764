"""Report where events wait, how fresh the totals are, and how the last runs ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from invenio_search import current_search_client
from invenio_search.utils import prefix_index

from invenio_stats.broker import queue_depth
from invenio_stats.broker.outbox import outbox
from invenio_stats.core import names
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.lateness import is_late
from invenio_stats.core.moments import iso_zoned, parse, to_second, utc
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.operations.monitoring import ingest_counters, last_runs
from invenio_stats.proxies import current_stats
from invenio_stats.totals.complete_days import known_day
from invenio_stats.totals.leases import quarantined_totals

Line = dict[str, Any]
"""One line of the status, ready for JSON: times as ISO 8601 in UTC, durations in seconds, None for unknown."""


def events_status(now: datetime) -> dict[str, Line]:
    """Return by event type what waits, what failed, and what the last run did.

    The keys: waiting, oldest_waiting, newest_event, failed (dead letters), postponed, ingest, last_run, late, problems.
    `postponed` is the number of dead letters that come back by themselves: an index refuses them for now.

    `late` is True if there was no run for three times the usual distance of the last ones.

    `ingest` has the numbers of events of the last seven days that do not count, by reason.
    """
    lines = {name: _event_line(name, now) for name in current_stats.events}
    problems: Line = {"problems": []}
    with _noting_problems(problems, "search engine"):
        week = ingest_counters.read(current_search_client, (now - timedelta(days=6)).date(), now.date())
        for name, line in lines.items():
            line["ingest"] = week.get(name, {})
    for line in lines.values():
        line["problems"] += [problem for problem in problems["problems"] if problem not in line["problems"]]
    return lines


def spool_status() -> Line:
    """Return for this machine's spool: waiting, oldest_waiting, rejected, refused, problems.

    Rejected are messages that cannot be read or published, refused are events for which there was no space, ever.
    """
    line: Line = {"waiting": None, "oldest_waiting": None, "rejected": None, "refused": None, "problems": []}
    with _noting_problems(line, "spool"):
        spool = outbox().spool
        line["waiting"] = spool.count()
        line["oldest_waiting"] = _as_text(spool.oldest())
        line["rejected"] = spool.rejected()
        line["refused"] = spool.refused()
    return line


def aggregations_status(now: datetime) -> dict[str, Line]:
    """Return by aggregation: bookmark, lag_seconds, first_complete_day, quarantined, last_run, late, problems.

    `quarantined` is the number of totals that could not be built or written, which each run tries again. The
    aggregation of automated traffic has its own line, after the aggregation that it belongs to.
    """
    lines: dict[str, Line] = {}
    for name in current_stats.aggregations:
        aggregators: dict[str, Any] = {}
        lines[name] = _aggregation_line()
        with _noting_problems(lines[name], "configuration"):
            aggregators = make_aggregators(name)
        for aggregation, aggregator in aggregators.items():
            lines[aggregation] = _aggregation_line()
            with _noting_problems(lines[aggregation], "search engine"):
                lines[aggregation].update(totals_facts(aggregation, aggregator, now))
    return {name: _with_last_run(line, "aggregations", name, now) for name, line in lines.items()}


def queue_facts(queue: Any) -> Line:
    """Ask the broker about a queue of events: waiting, oldest_waiting, failed (dead letters)."""
    return {
        "waiting": queue_depth.depth(queue),
        "oldest_waiting": _as_text(queue_depth.oldest(queue)),
        "failed": queue_depth.dead(queue),
    }


def totals_facts(name: str, aggregator: Any, now: datetime) -> Line:
    """Ask the search engine about an aggregation: bookmark, lag_seconds, first_complete_day, quarantined."""
    bookmark, day = aggregator.bookmark_api.get_bookmark(refresh_time=0), known_day(aggregator)
    return {
        "bookmark": None if bookmark is None else _as_text(utc(bookmark)),
        "lag_seconds": None if bookmark is None else max(0, int((now - utc(bookmark)).total_seconds())),
        "first_complete_day": None if day in (None, NOTHING_MISSING) else f"{day:%Y-%m-%d}",
        "quarantined": len(quarantined_totals(current_search_client, name)),
    }


def run_facts(kind: last_runs.Kind, name: str, now: datetime) -> Line:
    """Ask the cache about the runs of a name: last_run, late."""
    return {"last_run": last_runs.recall(kind, name), "late": is_late(last_runs.run_times(kind, name), now)}


def _event_line(name: str, now: datetime) -> Line:
    queue = current_stats.events[name].queue
    line: Line = {
        "waiting": None,
        "oldest_waiting": None,
        "newest_event": None,
        "failed": None,
        "postponed": None,
        "ingest": None,
        "problems": [],
    }
    with _noting_problems(line, "broker"):
        line.update(queue_facts(queue))
        line["postponed"] = queue_depth.postponed(queue)
    with _noting_problems(line, "search engine"):
        line["newest_event"] = _as_text(_newest_event(prefix_index(names.events_alias(name))))
    return _with_last_run(line, "events", name, now)


def _aggregation_line() -> Line:
    unknown = ("bookmark", "lag_seconds", "first_complete_day", "quarantined")
    return {**dict.fromkeys(unknown), "problems": []}


def _with_last_run(line: Line, kind: last_runs.Kind, name: str, now: datetime) -> Line:
    line["last_run"] = line["late"] = None
    with _noting_problems(line, "cache"):
        line.update(run_facts(kind, name, now))
    return line


def _newest_event(alias: str) -> datetime | None:
    """Return the timestamp of the newest event behind an alias; None if there is none."""
    body = {"size": 0, "aggs": {"newest": {"max": {"field": "timestamp"}}}}
    answer = current_search_client.search(index=alias, body=body, ignore_unavailable=True, allow_no_indices=True)
    value = answer.get("aggregations", {}).get("newest", {})
    return parse(value["value_as_string"]) if value.get("value") is not None else None


def _as_text(moment: datetime | None) -> str | None:
    return None if moment is None else iso_zoned(to_second(moment))


@contextmanager
def _noting_problems(line: Line, service: str) -> Iterator[None]:
    """Add a problem to the line if a service does not respond, and go on with the other services."""
    try:
        yield
    except Exception as error:
        line["problems"].append(f"{service}: {type(error).__name__}")
