"""Find settings that protect visitors less than the defaults do."""

from collections.abc import Iterator
from typing import NamedTuple

from flask import current_app
from flask_babel import gettext as _
from invenio_cache import current_cache

from invenio_stats import config as defaults
from invenio_stats.definitions.numbers import USUAL_MONTHS
from invenio_stats.operations.monitoring.schedule import is_scheduled
from invenio_stats.operations.privacy_report.pseudonymized import types_of_the_worker, types_with_user
from invenio_stats.proxies import current_stats

_SMALL_RANGE = 16
"""Addresses of an institution below which it is nearly a person."""


class Weakened(NamedTuple):
    """A setting, and what it does to visitors."""

    setting: str
    effect: str


def find_weakened() -> list[Weakened]:
    """Return the settings of the current application that weaken the default."""
    return [*_find_retention(), *_find_pseudonymization(), *_find_public()]


def _find_retention() -> Iterator[Weakened]:
    config = current_app.config
    months, days = config["STATS_RETENTION_EVENTS_MONTHS"], config["STATS_DEAD_LETTERS_DAYS"]
    if months > USUAL_MONTHS:
        yield Weakened("STATS_RETENTION_EVENTS_MONTHS", _("raw events are kept for %(months)s months", months=months))
    if config["STATS_RETENTION_OVERRIDE"] is not None:
        reason = config["STATS_RETENTION_OVERRIDE"]
        yield Weakened("STATS_RETENTION_OVERRIDE", _("longer than 25 months is allowed, because: %(why)s", why=reason))
    if not is_scheduled("expire_events"):
        yield Weakened("CELERY_BEAT_SCHEDULE", _("nothing deletes old raw events: StatsExpireTask is not scheduled"))
    if not is_scheduled("purge_dead_letters"):
        yield Weakened("CELERY_BEAT_SCHEDULE", _("nothing deletes dead letters: StatsDeadLettersTask is not scheduled"))
    if days > defaults.STATS_DEAD_LETTERS_DAYS:
        yield Weakened("STATS_DEAD_LETTERS_DAYS", _("dead letters are kept for %(days)s days", days=days))


def _find_pseudonymization() -> Iterator[Weakened]:
    in_worker = types_of_the_worker()
    if in_worker:
        effect = _("queue and spool hold addresses, agents and user ids of: %(names)s", names=", ".join(in_worker))
        yield Weakened("STATS_PSEUDONYMIZE_IN", effect)
    by_user = types_with_user()
    if by_user:
        yield Weakened("STATS_EVENTS", _("events keep the id of the user: %(names)s", names=", ".join(by_user)))
    if current_app.config["STATS_LOG_ERROR_TEXTS"]:
        yield Weakened("STATS_LOG_ERROR_TEXTS", _("the log gets texts of errors, which may identify a visitor"))
    kind = type(current_cache.cache).__name__
    if kind in ("SimpleCache", "NullCache"):
        yield Weakened("CACHE_TYPE", _("salts are each process's own (%(kind)s)", kind=kind))
    small = [
        customer.customer_id
        for customer in current_stats.customers.by_id.values()
        if any(network.num_addresses < _SMALL_RANGE for network in customer.ranges)
    ]
    if small:
        effect = _("%(number)s institutions have ranges of fewer than %(size)s addresses", number=len(small), size=16)
        yield Weakened("STATS_COUNTER_CUSTOMERS", effect)


def _find_public() -> Iterator[Weakened]:
    for setting, effect in (
        ("STATS_FOLD_UNDER", _("countries and hosts of fewer visitors are shown than by default")),
        ("STATS_BREAKDOWN_MIN_USES", _("records with fewer uses have public breakdowns than by default")),
    ):
        if current_app.config[setting] < getattr(defaults, setting):
            yield Weakened(setting, effect)
    for setting, effect in (
        ("STATS_COUNTER_COUNTRIES", _("COUNTER reports may show countries that are not folded, by permission")),
        ("STATS_COUNTER_INSECURE", _("the COUNTER API takes keys over connections that anybody can read")),
    ):
        if current_app.config[setting]:
            yield Weakened(setting, effect)
    ignored = set(defaults.STATS_OBJECTION_SIGNALS) - set(current_app.config["STATS_OBJECTION_SIGNALS"])
    if ignored:
        signals = ", ".join(sorted(ignored))
        yield Weakened("STATS_OBJECTION_SIGNALS", _("these objections are ignored: %(signals)s", signals=signals))
