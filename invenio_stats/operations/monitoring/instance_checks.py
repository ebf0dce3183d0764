"""Checks of the doctor: whether another instance uses the same cache, virtual host of the broker, or spool."""

import logging
from datetime import datetime, timedelta, timezone

from flask import current_app
from flask_babel import gettext as _
from invenio_cache import current_cache

from invenio_stats.broker.instances import other_instances
from invenio_stats.broker.outbox import outbox
from invenio_stats.config import own_instance_name
from invenio_stats.core.moments import iso, parse
from invenio_stats.operations.monitoring.findings import Finding
from invenio_stats.proxies import current_stats

logger = logging.getLogger(__name__)

_KEY = "invenio-stats:instances"
"""The key of the cache next to those of the salts: the names of instances, with the time when each was last seen."""
_DAYS_LISTED = 2
"""As long as a salt that two instances shared may exist."""
_COMPARED = "invenio-stats-instances-compared"


def compare_once() -> None:
    """Leave this instance's name in cache and broker, and log if others have; once in each process.

    An error is logged: no event depends on it.
    """
    if current_app.extensions.setdefault(_COMPARED, False):
        return
    current_app.extensions[_COMPARED] = True
    try:
        shared = {"broker": _others_on_broker(), "cache": _others_in_cache()}
    except Exception as error:  # of any client; its text may hold a password
        logger.warning("Names of instances could not be compared", extra={"error": type(error).__name__})
        return
    for where, others in shared.items():
        if others:
            logger.warning("Another instance uses the same service", extra={"service": where, "instances": others})


def check_broker_instances() -> Finding:
    """Check that the queues are this instance's alone: a worker of another one would count its events as its own."""
    others = _others_on_broker()
    if others:
        return Finding(
            "broker_instances",
            "warning",
            _("Other instances use the queues of this virtual host: %(names)s.", names="; ".join(others)),
            _(
                "Give each instance a virtual host of its own (BROKER_URL). If this is the former name of "
                "this instance, delete the queue stats-instances."
            ),
        )
    return Finding("broker_instances", "ok", _("No other instance is known on this virtual host."))


def check_cache_instances() -> Finding:
    """Check that the salts are this instance's alone: with shared ones, a visitor has the same key in both."""
    others = _others_in_cache()
    if others:
        return Finding(
            "cache_instances",
            "warning",
            _("Other instances use the salts and keys of this cache: %(names)s.", names="; ".join(others)),
            _(
                "Give each instance a cache of its own, or another CACHE_KEY_PREFIX. A name that nobody has any more "
                "is forgotten after two days."
            ),
        )
    return Finding("cache_instances", "ok", _("No other instance is known in the cache."))


def check_spool_instances() -> Finding:
    """Check that the spool's directory is this instance's alone."""
    spool, own = outbox().spool, own_instance_name()
    others = sorted({owner for path in spool.files() if (owner := spool.owner(path)) not in (None, own)})
    if others:
        return Finding(
            "spool_instances",
            "warning",
            _(
                "The spool's directory %(folder)s is also that of: %(names)s. This instance writes to %(file)s.",
                folder=str(spool.path.parent),
                names="; ".join(others),
                file=spool.path.name,
            ),
            _(
                "Give each instance its own STATS_SPOOL_DIR. If this is the former name of this instance, run `invenio "
                "stats spool send` once with the SEARCH_INDEX_PREFIX or SECRET_KEY of that time, and delete the file."
            ),
        )
    return Finding("spool_instances", "ok", _("The spool's directory is this instance's alone."))


def _others_on_broker() -> list[str]:
    return other_instances(current_stats.agents_queue, own_instance_name())


def _others_in_cache() -> list[str]:
    now, own = datetime.now(timezone.utc), own_instance_name()
    since = now - timedelta(days=_DAYS_LISTED)
    known = {name: seen for name, seen in (current_cache.get(_KEY) or {}).items() if parse(seen) > since}
    current_cache.set(_KEY, {**known, own: iso(now)}, timeout=_DAYS_LISTED * 24 * 3600)
    return sorted(known.keys() - {own})
