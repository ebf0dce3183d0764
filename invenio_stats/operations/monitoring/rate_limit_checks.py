"""Check of the doctor: what limits how often the public routes are asked."""

from flask import current_app
from flask_babel import gettext as _

from invenio_stats.definitions.rate_limits import LIMIT
from invenio_stats.operations.monitoring.findings import Finding


def check_rate_limits() -> Finding:
    """Check that the instance's limiter stops too many requests, and counts them for all processes together."""
    settings = current_app.config
    if "invenio-app" not in current_app.extensions:
        return _without(_("the application has no invenio-app"))
    if not settings["RATELIMIT_ENABLED"]:
        return _without(_("RATELIMIT_ENABLED is False"))
    scheme = str(settings["RATELIMIT_STORAGE_URI"]).partition("://")[0]
    if scheme == "memory":
        return Finding(
            "rate_limits",
            "warning",
            _("Requests are counted for their limit in each process by itself (RATELIMIT_STORAGE_URI is memory://)."),
            _("Set it to a storage that all web processes share, such as Redis, unless there is only one process."),
        )
    return Finding(
        "rate_limits",
        "ok",
        _("Pages and REST API have a limit (%(limit)s by default), for all processes together.", limit=LIMIT),
    )


def _without(reason: str) -> Finding:
    return Finding(
        "rate_limits",
        "warning",
        _("Nothing limits how often pages and REST API are asked: %(reason)s.", reason=reason),
        _("Set a limit in the server in front of the application, unless it has one."),
    )
