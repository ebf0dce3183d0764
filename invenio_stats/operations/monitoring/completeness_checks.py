"""Checks of the doctor: workers that stand still, closed indices, copies, and days of which events are missing."""

import re
from collections.abc import Callable
from datetime import datetime, timezone

from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.core.lateness import is_late
from invenio_stats.core.month_indices import period
from invenio_stats.definitions.aggregators import make_aggregator
from invenio_stats.operations.monitoring import gaps, last_runs
from invenio_stats.operations.monitoring.findings import Finding
from invenio_stats.operations.monitoring.raw_events import event_sources
from invenio_stats.proxies import current_stats
from invenio_stats.search.aliases import closed_indices_of, indices_of
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.groups import count_by_index

_SAMPLE = 20
"""Events or totals of an index that are looked for in others."""


def check_lateness() -> Finding:
    """Check that events are stored and totals counted as often as before."""
    now = datetime.now(timezone.utc)
    known: list[tuple[last_runs.Kind, str]] = [
        *(("events", name) for name in current_stats.events),
        *(("aggregations", name) for name in current_stats.aggregations),
    ]
    late = []
    for kind, name in known:
        times = last_runs.run_times(kind, name)
        if is_late(times, now):
            late.append(f"{name} ({times[-1]:%Y-%m-%d %H:%M})")
    if late:
        return Finding(
            "lateness",
            "warning",
            _("No run for three times as long as usual; the last ones (UTC): %(names)s.", names=", ".join(late)),
            _("See whether Celery beat and a worker run. No event is lost: the next run catches up."),
        )
    return Finding("lateness", "ok", _("Runs are as frequent as before."))


def check_gaps() -> Finding:
    """Check that no events of a finished day are missing."""
    found = gaps.stored(current_stats.events)
    incomplete = [name for name, line in found.items() if line.gaps]
    if incomplete:
        reasons = {gap.reason for line in found.values() for gap in line.gaps}
        cures = [_("`stats gaps` lists the days and why.")]
        if "without_item" in reasons:
            cures.append(
                _(
                    "Events without an item (without_item) name no record: make STATS_ITEM_RESOLVER know your records, "
                    "so that later events do."
                )
            )
        if reasons - {"without_item"}:
            cures.append(_("Restore or import the events if you have them."))
        message = _("Events are missing of: %(names)s.", names=", ".join(incomplete))
        return Finding("gaps", "warning", message, " ".join(cures))
    never = [name for name, line in found.items() if line.found is None]
    if never:
        return Finding(
            "gaps",
            "warning",
            _("Nobody has looked for gaps of: %(names)s.", names=", ".join(never)),
            _("Schedule StatsDailyTask, or run `stats daily`."),
        )
    return Finding("gaps", "ok", _("No events of finished days are known to be missing."))


def check_closed_indices() -> Finding:
    """Check that no index of events or totals is closed: answers lack its numbers, and events of it are not counted."""
    aggregators = [make_aggregator(name) for name in current_stats.aggregations]
    names = {getattr(aggregator, field, None) for aggregator in aggregators for field in ("event_index", "index")}
    aliases = [name for name in sorted(filter(None, names)) if indices_of(current_search_client, name)]
    closed = sorted({index for name in aliases for index in closed_indices_of(current_search_client, name)})
    if closed:
        return Finding(
            "closed_indices",
            "error",
            _("Closed indices, whose numbers are missing from all answers: %(names)s.", names=", ".join(closed)),
            _("Open them, or delete them if their numbers shall go: the first complete day then rises."),
        )
    return Finding("closed_indices", "ok", _("No index of events or totals is closed."))


def check_copies() -> Finding:
    """Check that no index behind an alias has events or totals that another one has too."""
    aggregators = [make_aggregator(name) for name in current_stats.aggregations]
    aliases = {name: _is_of_a_date for name in sorted(filter(None, (getattr(a, "index", None) for a in aggregators)))}
    aliases |= {source.alias: _is_of_one_day for source in event_sources()}
    copies = [index for alias, is_usual in aliases.items() for index in _find_copies(alias, is_usual)]
    if copies:
        return Finding(
            "copies",
            "error",
            _("What counts twice, as another index has it too, is in: %(names)s.", names=", ".join(copies)),
            _(
                "Delete what was restored from a snapshot beside the present indices, or take its alias away; if it is "
                "the index of a month, run `stats indices compact`. Then run `stats verify`."
            ),
        )
    return Finding("copies", "ok", _("No event and no total is known to be in two indices."))


def _find_copies(alias: str, is_usual: Callable[[str, str], bool]) -> list[str]:
    client = current_search_client
    indices = indices_of(client, alias)
    unusual = [index for index in indices if not is_usual(alias, index)]
    if not unusual:
        return []
    samples = [search(SearchRequest(client, index, {"size": _SAMPLE, "_source": False})) for index in unusual]
    ids = [[hit["_id"] for hit in sample["hits"]["hits"]] for sample in samples]
    found = count_by_index(client, indices, [{"ids": {"values": names}} for names in ids])
    return [index for index, by_index in zip(unusual, found, strict=True) if set(by_index) - {index}]


def _is_of_one_day(alias: str, index: str) -> bool:
    """Return whether an index of events has the name of a day: among these, each event has its own."""
    covered = period(alias, index)
    return covered is not None and covered.day is not None


def _is_of_a_date(alias: str, index: str) -> bool:
    """Return whether an index of totals has the name of a day, a month or a year."""
    return re.fullmatch(r"\d{4}(-\d{2}){0,2}", index.removeprefix(f"{alias}-")) is not None
