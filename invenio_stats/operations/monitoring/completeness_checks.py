"""Checks of the doctor: workers that stand still, and days of which events are missing."""

from datetime import datetime, timezone

from flask_babel import gettext as _

from invenio_stats.core.lateness import is_late
from invenio_stats.operations.monitoring import gaps, last_runs
from invenio_stats.operations.monitoring.findings import Finding
from invenio_stats.proxies import current_stats


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
        return Finding(
            "gaps",
            "warning",
            _("Events are missing of: %(names)s.", names=", ".join(incomplete)),
            _("`stats gaps` lists the days and why. Restore or import the events if you have them."),
        )
    never = [name for name, line in found.items() if line.found is None]
    if never:
        return Finding(
            "gaps",
            "warning",
            _("Nobody has looked for gaps of: %(names)s.", names=", ".join(never)),
            _("Schedule StatsDailyTask, or run `stats daily`."),
        )
    return Finding("gaps", "ok", _("No events of finished days are known to be missing."))
