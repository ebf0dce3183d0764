"""Checks of the doctor: settings that do not fit together, and events and totals that nobody works on."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app
from flask_babel import gettext as _

from invenio_stats import config
from invenio_stats.aggregations import breakdowns_among
from invenio_stats.definitions.consistency import find_inconsistencies
from invenio_stats.definitions.pages import find_missing_for_pages
from invenio_stats.operations.monitoring.findings import Finding
from invenio_stats.operations.monitoring.schedule import entries_of
from invenio_stats.privacy.user_agents.cache import robots_file_path
from invenio_stats.proxies import current_stats

_TASKS = {
    "process_events": "StatsEventTask",
    "aggregate_events": "StatsAggregationTask",
    "send_spool": "StatsSpoolTask",
    "purge_dead_letters": "StatsDeadLettersTask",
    "daily": "StatsDailyTask",
}
_COUNTER_TASKS = {"close_counter_months": "StatsCounterTask"}
_DEPOSIT_TASKS = {"deposit_counter_months": "StatsCounterDepositTask"}
_TYPES_OF = {"process_events": "events_config", "aggregate_events": "aggregations_config"}
"""Which names the first argument of a task has."""

_PING_SECONDS = 1.0
_SIMILAR = 0.85
"""How similar a name has to be to count as misspelt: a letter or a syllable differs. Instances have own settings."""


def check_configuration() -> Finding:
    """Check that event types, aggregations and queries name each other."""
    found = list(
        find_inconsistencies(current_stats.event_definitions, current_stats.aggregations, current_stats.queries)
    )
    if found:
        return Finding(
            "configuration",
            "warning",
            "; ".join(f"{inconsistency.setting_path}: {inconsistency.value}" for inconsistency in found) + ".",
            " ".join(dict.fromkeys(inconsistency.cure for inconsistency in found)),
        )
    return Finding("configuration", "ok", _("Event types, aggregations and queries fit together."))


def check_settings() -> Finding:
    """Check that no setting is misspelt: nothing reads a name that does not exist."""
    known = [name for name in dir(config) if name.startswith("STATS_")]
    unknown = [name for name in current_app.config if name.startswith("STATS_") and name not in known]
    similar = {name: close[0] for name in unknown if (close := difflib.get_close_matches(name, known, 1, _SIMILAR))}
    if similar:
        return Finding(
            "settings",
            "warning",
            _("No settings of this package: %(names)s.", names=", ".join(similar)),
            _(
                "Correct them unless another program reads them. Similar: %(names)s.",
                names=", ".join(similar.values()),
            ),
        )
    return Finding("settings", "ok", _("No setting seems to be misspelt."))


def check_robots_file() -> Finding:
    """Check that the file of robots is there if a setting names it: without it, its robots count as people."""
    if not current_app.config["STATS_ROBOTS_FILE"]:
        return Finding("robots_file", "ok", _("STATS_ROBOTS_FILE names no file of robots."))
    path = robots_file_path()
    if not path.is_file():
        return Finding(
            "robots_file",
            "warning",
            _("The file of robots %(path)s, which STATS_ROBOTS_FILE names, does not exist.", path=path),
            _("Bring it there with `invenio stats robots update --file PATH`, or remove the setting."),
        )
    return Finding("robots_file", "ok", _("The file of robots %(path)s is there.", path=path))


def check_pages() -> Finding:
    """Check that the pages have something to show."""
    if not current_app.config["STATS_PAGES_ENABLED"]:
        return Finding("pages", "ok", _("There are no pages of statistics (STATS_PAGES_ENABLED)."))
    missing = find_missing_for_pages(current_stats.event_definitions, current_stats.aggregations, current_stats.queries)
    if missing:
        return Finding(
            "pages",
            "error",
            _("The pages of statistics are not found: item usage or its queries are not configured."),
            _("Add to invenio.cfg: %(lines)s", lines="; ".join(missing)),
        )
    return Finding("pages", "ok", _("The pages of statistics have the queries that they need."))


def check_error_texts() -> Finding:
    """Check that the log gets no texts of errors, which may quote an address or a user."""
    if current_app.config["STATS_LOG_ERROR_TEXTS"]:
        return Finding(
            "error_texts",
            "warning" if current_app.debug else "error",
            _("The log gets the texts of errors, which may identify a visitor (STATS_LOG_ERROR_TEXTS)."),
            _("Set it to False except on a developer's machine, and delete what has been logged."),
        )
    return Finding("error_texts", "ok", _("The log gets no texts of errors of this package's events."))


def check_receivers() -> Finding:
    """Check that signals start the builders."""
    connected = sorted(name for name, event in current_stats.event_definitions.items() if event.signal is not None)
    if connected and not current_app.config["STATS_REGISTER_RECEIVERS"]:
        return Finding(
            "receivers",
            "warning",
            _(
                "STATS_REGISTER_RECEIVERS is False: no signal is listened to for: %(names)s.",
                names=", ".join(connected),
            ),
            _("Set it to True, unless the application calls the emitters of these types itself."),
        )
    return Finding("receivers", "ok", _("The signals of %(count)s event types are listened to.", count=len(connected)))


def check_schedule() -> Finding:
    """Check that beat starts what stores events, counts them, sends the spool and deletes dead letters.

    With COUNTER reports also what closes months, and with an account what deposits them.
    """
    tasks = dict(_TASKS)
    if current_stats.counter_platform is not None:
        tasks |= _COUNTER_TASKS
    if current_stats.counter_deposit_account is not None:
        tasks |= _DEPOSIT_TASKS
    scheduled = {task: entries_of(task) for task in tasks}
    unknown = {task: _names_of(scheduled[task]) - set(getattr(current_stats, _TYPES_OF[task])) for task in _TYPES_OF}
    if any(unknown.values()):
        return Finding(
            "schedule",
            "error",
            _("CELERY_BEAT_SCHEDULE names what is not configured: %(names)s.", names=_listed(unknown)),
            _("Correct the names in the 'args' of the entries, or add them to STATS_EVENTS or STATS_AGGREGATIONS."),
        )
    missing = [name for task, name in tasks.items() if not scheduled[task]]
    left_out = {
        task: set(getattr(current_stats, _TYPES_OF[task])) - _names_of(scheduled[task])
        for task in _TYPES_OF
        if scheduled[task]
    }
    if "aggregate_events" in left_out:
        left_out["aggregate_events"].difference_update(breakdowns_among(current_stats.aggregations))
    if missing or any(left_out.values()):
        said = [_("Not in CELERY_BEAT_SCHEDULE: %(names)s.", names=", ".join(missing))] if missing else []
        if any(left_out.values()):
            said.append(_("No entry of CELERY_BEAT_SCHEDULE has: %(names)s.", names=_listed(left_out)))
        return Finding(
            "schedule",
            "warning",
            " ".join(said),
            _(
                "Take the entries from invenio_stats.tasks and name all types in their 'args', or have cron run the "
                "commands: `stats events process`, `aggregations process -b`, `spool send`, `dead-letters purge`, "
                "`daily`, `counter close --yes`."
            ),
        )
    return Finding("schedule", "ok", _("Beat starts all tasks, for all event types and aggregations."))


def check_workers() -> Finding:
    """Check that a worker of Celery runs the tasks."""
    extension = current_app.extensions.get("invenio-celery")
    if extension is None:
        return Finding(
            "workers",
            "warning",
            _("Whether a worker listens is unknown: the application has no invenio-celery."),
            _("Have a worker or cron run the tasks."),
        )
    celery = extension.celery
    if celery.conf.task_always_eager:
        return Finding(
            "workers",
            "warning",
            _("Tasks run where they are sent (CELERY_TASK_ALWAYS_EAGER)."),
            _("Set it to False in production, so that workers process events."),
        )
    try:
        answers = celery.control.inspect(timeout=_PING_SECONDS).ping()
    except Exception as error:  # each transport has its own; some have no way to ask
        return Finding(
            "workers",
            "warning",
            _("Whether a worker listens is unknown: the broker cannot ask (%(error)s).", error=type(error).__name__),
            _("See whether `celery -A invenio_app.celery status` names one."),
        )
    if not answers:
        return Finding(
            "workers",
            "warning",
            _("No worker answered within %(seconds)s seconds: nothing processes events.", seconds=_PING_SECONDS),
            _("Start one: celery -A invenio_app.celery worker. One that is busy may answer too late."),
        )
    return Finding("workers", "ok", _("%(count)s workers listen.", count=len(answers)))


def _names_of(entries: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the types that some entries start a task for."""
    found: set[str] = set()
    for entry in entries:
        args, kwargs = entry.get("args") or (), entry.get("kwargs") or {}
        first = args[0] if args else kwargs.get("event_types") or kwargs.get("aggregations") or ()
        found.update([first] if isinstance(first, str) else first)
    return found


def _listed(names: Mapping[str, Iterable[str]]) -> str:
    return "; ".join(f"{_TASKS[task]}: {', '.join(sorted(found))}" for task, found in names.items() if found)
