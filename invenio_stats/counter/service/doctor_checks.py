"""Checks of the doctor: whether the COUNTER API is reached by HTTPS, and its large reports can be kept."""

import os
from collections.abc import Sequence
from datetime import datetime, timezone

from flask import current_app
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.core.counter_queue import newest_made
from invenio_stats.counter.service.report_files import report_directory
from invenio_stats.counter.service.report_queue import fetch_jobs
from invenio_stats.counter.service.requestors import fetch_requestors
from invenio_stats.operations.monitoring.doctor import Check
from invenio_stats.operations.monitoring.findings import Finding
from invenio_stats.proxies import current_stats

_REST = "/api"
"""Where Invenio puts its REST application, as an address begins in the logs of a web server."""


def counter_checks() -> Sequence[Check]:
    """Return the checks; none if there are no COUNTER reports."""
    if current_stats.counter_platform is None:
        return ()
    return check_counter_https, check_counter_logs, check_counter_directory


def check_counter_https() -> Finding:
    """Check that credentials, which are part of an address, travel encrypted, and that this is seen."""
    settings = current_app.config
    if settings["STATS_COUNTER_INSECURE"]:
        return Finding(
            "counter_https",
            "error",
            _("The COUNTER API answers plain HTTP: anyone on the way can read the keys of requestors."),
            _("Take STATS_COUNTER_INSECURE out of the settings."),
        )
    if not settings.get("WSGI_PROXIES") and not settings.get("PROXYFIX_CONFIG"):
        return Finding(
            "counter_https",
            "warning",
            _("No proxies are configured: behind one that ends HTTPS, the COUNTER API answers 404."),
            _("Set PROXYFIX_CONFIG to the number of proxies in front: {'x_for': 1, 'x_proto': 1}."),
        )
    if not (settings.get("PROXYFIX_CONFIG") or {}).get("x_proto", 1):
        return Finding(
            "counter_https",
            "error",
            _("The application does not see which requests came by HTTPS: the COUNTER API answers 404."),
            _("Add x_proto to PROXYFIX_CONFIG, and let the proxy send X-Forwarded-Proto."),
        )
    return Finding("counter_https", "ok", _("The COUNTER API answers requests by HTTPS only."))


def check_counter_logs() -> Finding:
    """Say that addresses with keys are logged by web servers unless they are told otherwise: nobody here can know."""
    valid = [requestor for requestor in fetch_requestors(current_search_client) if not requestor.revoked]
    if not valid:
        return Finding("counter_logs", "ok", _("The COUNTER API has no requestor."))
    prefix = current_app.config["STATS_COUNTER_API_PREFIX"]
    return Finding(
        "counter_logs",
        "warning",
        _("%(count)s requestors send their keys in the query string of addresses.", count=len(valid)),
        _(
            "Let web servers and proxies log addresses below %(prefix)s without the query string; this command cannot "
            "see whether they do.",
            prefix=f"{_REST}{prefix}/r51",
        ),
    )


def check_counter_directory() -> Finding:
    """Check that large reports can be written, and that the last one is where this host looks for it."""
    directory = report_directory()
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "counter_directory",
            "error",
            _("This user cannot write to %(path)s: large COUNTER reports fail.", path=str(directory)),
            _("Run the command as the user of the workers. If it is, let it write there, or set STATS_COUNTER_DIR."),
        )
    last = newest_made(fetch_jobs(current_search_client, datetime.now(timezone.utc)))
    if last is not None and not (directory / last).exists():
        return Finding(
            "counter_directory",
            "error",
            _("The last large COUNTER report is not in %(path)s.", path=str(directory)),
            _("Set STATS_COUNTER_DIR to a directory that the hosts of web and of worker processes share."),
        )
    return Finding("counter_directory", "ok", _("Large COUNTER reports are kept in %(path)s.", path=str(directory)))
