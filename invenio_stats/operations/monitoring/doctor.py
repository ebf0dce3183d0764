"""Check a configuration for what makes numbers wrong or identifies visitors in production, each with its cure."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from invenio_cache import current_cache
from invenio_search import current_search_client

from invenio_stats.broker import queue_depth
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.spool import Spool, is_denied
from invenio_stats.core.metrics import parse_metrics
from invenio_stats.errors import SpoolVersionError
from invenio_stats.operations.monitoring import metrics
from invenio_stats.operations.monitoring.anomaly_checks import check_anomalies
from invenio_stats.operations.monitoring.completeness_checks import (
    check_closed_indices,
    check_copies,
    check_gaps,
    check_lateness,
)
from invenio_stats.operations.monitoring.configuration_checks import (
    check_configuration,
    check_error_texts,
    check_pages,
    check_receivers,
    check_robots_file,
    check_schedule,
    check_settings,
    check_workers,
)
from invenio_stats.operations.monitoring.findings import Finding, Level
from invenio_stats.operations.monitoring.instance_checks import (
    check_broker_instances,
    check_cache_instances,
    check_spool_instances,
)
from invenio_stats.operations.monitoring.mapping_checks import check_mappings
from invenio_stats.operations.monitoring.rate_limit_checks import check_rate_limits
from invenio_stats.operations.monitoring.retention_checks import check_lifecycle, check_retention
from invenio_stats.operations.monitoring.services import Service, cache, event_broker, search_engine
from invenio_stats.privacy.geoip import country_database, open_database
from invenio_stats.proxies import current_stats
from invenio_stats.totals.leases import quarantined_totals

MAX_DAYS_OF_COUNTRIES = 366
"""Age of a country database from which it is out of date: its makers publish a new one every month or more often."""


Check = Callable[[], Finding]


def examine(checks: Iterable[Check] | None = None) -> Iterator[Finding]:
    """Yield what each check finds, of all unless some are given; a service that is away is a finding too."""
    for check in CHECKS if checks is None else checks:
        try:
            yield check()
        except Exception as error:  # each client fails in its own way; its text may hold a password
            name = check.__name__.removeprefix("check").strip("_")
            yield Finding(name, "error", *_not_checked(name, error))


def _not_checked(name: str, error: Exception) -> tuple[str, str]:
    """Return which service did not answer a check, and the cure."""
    if name not in _SERVICES:
        message = _("%(name)s could not be checked (%(error)s).", name=name, error=type(error).__name__)
        return message, _("The page docs/errors explains the errors of this package; report any other.")
    service = _SERVICES[name]()
    left_out = _("Not checked: %(name)s.", name=name)
    return f"{service.no_answer(error)} {left_out}", service.cure()


def _cache() -> Finding:
    """Salts live in the cache: all processes have to share it, and it must not throw them out."""
    backend = current_cache.cache
    kind = type(backend).__name__
    if kind in ("SimpleCache", "NullCache"):
        return Finding(
            "cache",
            "error",
            _("The cache (%(kind)s) is each process's own: one visitor is counted as several.", kind=kind),
            _("Set CACHE_TYPE to a cache that all processes share, such as Redis."),
        )
    client = getattr(backend, "_write_client", None)
    if client is not None:
        client.ping()
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
        if str(policy).startswith("allkeys") and int(client.config_get("maxmemory").get("maxmemory", 0)):
            return Finding(
                "cache",
                "warning",
                _("Redis may throw out the day's salt (maxmemory-policy is %(policy)s).", policy=policy),
                _("Set maxmemory-policy to noeviction, or give the cache a Redis of its own."),
            )
    return Finding("cache", "ok", _("All processes share the cache (%(kind)s).", kind=kind))


def _proxies() -> Finding:
    """Behind a proxy, every visitor has the proxy's address unless the application trusts its header."""
    if current_app.config.get("WSGI_PROXIES") or current_app.config.get("PROXYFIX_CONFIG"):
        return Finding("proxies", "ok", _("The application knows of proxies in front of it."))
    return Finding(
        "proxies",
        "warning",
        _("No proxies are configured: behind one, all visitors look like one address."),
        _("Set PROXYFIX_CONFIG to the number of proxies in front, such as {'x_for': 1}, unless there is none."),
    )


def _countries() -> Finding:
    """Countries come from a database file."""
    path = country_database()
    if not path:
        return Finding(
            "countries",
            "warning",
            _("There is no country database: countries stay unknown."),
            _("Set STATS_GEOIP_DATABASE to the path of an .mmdb file."),
        )
    database = open_database(path)
    is_read = database.check()
    if not (is_read and database.gives_countries()):
        fault = _("gives no country") if is_read else _("cannot be read")
        return Finding(
            "countries",
            "error",
            _("The country database %(path)s %(fault)s.", path=path, fault=fault),
            _("Put a whole .mmdb file of countries or cities there, or correct STATS_GEOIP_DATABASE."),
        )
    return Finding("countries", *_age_of_countries(path, (datetime.now(timezone.utc) - database.built()).days))


def _age_of_countries(path: str, days: int) -> tuple[Level, str, str]:
    """Return what is said of the age of a country database: addresses move between countries."""
    message = _("Countries come from %(path)s, which is %(days)s days old.", path=path, days=days)
    if days <= MAX_DAYS_OF_COUNTRIES:
        return "ok", message, ""
    return "warning", message, _("Set STATS_GEOIP_DATABASE to a newer .mmdb file; it is noticed within minutes.")


def _broker() -> Finding:
    """Events wait on the broker's queues."""
    waiting = sum(queue_depth.depth(event.queue) for event in current_stats.events.values())
    return Finding("broker", "ok", _("The broker answers; %(waiting)s messages wait.", waiting=waiting))


def _dead_letters() -> Finding:
    """Events that could not be stored wait until somebody looks at them, or their index takes them again."""
    failed = {name: queue_depth.dead(event.queue) for name, event in current_stats.events.items()}
    postponed = {name: queue_depth.postponed(event.queue) for name, event in current_stats.events.items()}
    postponed = nonzero(postponed)
    if postponed:
        return Finding(
            "dead_letters",
            "warning",
            _("Indices refuse events, which are postponed: %(names)s.", names=listed(postponed)),
            _(
                "`stats dead-letters list` names the indices: open them, or lift the block. The events come back by "
                "themselves."
            ),
        )
    failed = nonzero(failed)
    if failed:
        return Finding(
            "dead_letters",
            "warning",
            _("Events that could not be stored: %(names)s.", names=listed(failed)),
            _("`stats dead-letters list` says why; then replay or purge them."),
        )
    return Finding("dead_letters", "ok", _("There are no dead letters."))


def _spool() -> Finding:
    """Messages that this machine's spool cannot read wait for a release that can."""
    spool = outbox().spool
    rejected = ask_spool(spool, spool.rejected)
    if isinstance(rejected, Finding):
        return rejected
    if rejected:
        return Finding(
            "spool",
            "warning",
            _("The spool of this machine holds %(count)s messages that cannot be read.", count=rejected),
            _("Install the release that wrote them, and run `stats spool send --rejected`."),
        )
    obstacle = spool.obstacle()
    if obstacle:
        return Finding(
            "spool",
            "error",
            _("This user cannot write to %(path)s: events are lost while the broker is away.", path=str(obstacle)),
            _("Run the command as the user of the web server. If it is, let it write there, or set STATS_SPOOL_DIR."),
        )
    return Finding("spool", "ok", _("%(count)s messages wait in the spool of this machine.", count=spool.count()))


def _engine() -> Finding:
    """Events and totals are stored in the search engine."""
    info: dict[str, Any] = current_search_client.info()
    return Finding("engine", "ok", _("The search engine answers (%(number)s).", number=info["version"]["number"]))


def _pseudonymization() -> Finding:
    """Events are pseudonymized before the queue, unless a foreign preprocessor may need the person."""
    open_types = [name for name, event in current_stats.events.items() if event.pseudonymization.stage == "worker"]
    if open_types:
        return Finding(
            "pseudonymization",
            "warning",
            _("The queue holds addresses and agents of: %(names)s.", names=", ".join(open_types)),
            _("Put anonymize_user first, or set STATS_PSEUDONYMIZE_IN to 'web' for types that do not need them."),
        )
    return Finding("pseudonymization", "ok", _("All events are pseudonymized before the queue."))


def _totals() -> Finding:
    """Totals that cannot be built or written are quarantined, and tried again by every run."""
    counts = {name: len(quarantined_totals(current_search_client, name)) for name in current_stats.aggregations}
    failing = nonzero(counts)
    if failing:
        return Finding(
            "totals",
            "error",
            _("Totals that fail again and again: %(names)s.", names=listed(failing)),
            _("The log says why: 'Error building a total', 'The search engine rejected totals'."),
        )
    return Finding("totals", "ok", _("No total is quarantined."))


def _estimates() -> Finding:
    """Distinct counts are exact unless a metric asks for the engine's estimate."""
    found = {}
    for name, definition in current_stats.aggregations.items():
        metrics = parse_metrics(definition.params.get("metric_fields"), setting_path=name)
        found[name] = ", ".join(
            metric for metric, metric_definition in metrics.items() if metric_definition.is_estimate
        )
    found = {name: metrics for name, metrics in found.items() if metrics}
    if found:
        return Finding(
            "estimates",
            "warning",
            _("Distinct counts that are only estimates: %(names)s.", names=listed(found)),
            _("Leave out the options of 'cardinality' in metric_fields: without them the count is exact."),
        )
    return Finding("estimates", "ok", _("Distinct counts are exact."))


def _metrics() -> Finding:
    """Prometheus' client is an extra."""
    if metrics.is_available():
        return Finding("metrics", "ok", _("/api/stats/metrics has metrics for Prometheus."))
    return Finding(
        "metrics",
        "ok",
        _("/api/stats/metrics is not found (404): prometheus_client is not installed."),
        _('To have metrics for Prometheus: pip install "invenio-stats[metrics]".'),
    )


def ask_spool(spool: Spool, ask: Callable[[], int]) -> int | Finding:
    """Return what the spool answers; a Finding if a newer release wrote it, or it belongs to another user."""
    try:
        return ask()
    except SpoolVersionError as error:
        return Finding("spool", "error", str(error))
    except (OSError, sqlite3.Error) as error:
        if not is_denied(error):
            raise
    return Finding(
        "spool",
        "error",
        _("This user cannot open the spool at %(path)s.", path=str(spool.path)),
        _("Run the command as the user of the web server."),
    )


def nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts that a finding names."""
    return {name: count for name, count in counts.items() if count}


def listed(facts: Mapping[str, Any]) -> str:
    """Return names and what is to say of each as one line."""
    return "; ".join(f"{name}: {fact}" for name, fact in facts.items())


_SERVICES: Mapping[str, Callable[[], Service]] = {
    **dict.fromkeys(("broker", "broker_instances", "dead_letters", "queues"), event_broker),
    **dict.fromkeys(
        ("engine", "mappings", "closed_indices", "copies", "gaps", "retention", "lifecycle", "anomalies", "totals"),
        search_engine,
    ),
    **dict.fromkeys(("counter_logs", "counter_directory"), search_engine),
    **dict.fromkeys(("cache", "cache_instances", "lateness"), cache),
}
"""By check, the service that it asks."""

CHECKS: tuple[Check, ...] = (
    _cache,
    check_cache_instances,
    _proxies,
    _countries,
    _pseudonymization,
    check_error_texts,
    check_settings,
    check_robots_file,
    check_configuration,
    check_pages,
    check_rate_limits,
    check_receivers,
    check_schedule,
    check_workers,
    check_lateness,
    _metrics,
    _broker,
    check_broker_instances,
    _dead_letters,
    _spool,
    check_spool_instances,
    _engine,
    check_mappings,
    check_closed_indices,
    check_copies,
    check_gaps,
    check_retention,
    check_lifecycle,
    check_anomalies,
    _totals,
    _estimates,
)
