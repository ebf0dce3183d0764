"""Give the public routes limits in the instance's own limiter, where invenio-app has one and its operator set none."""

from collections.abc import Iterable, Mapping
from typing import Any

PAGES, BADGE, PRIVACY = "invenio_stats_pages", "invenio_stats_pages.badge", "invenio_stats_pages.privacy"
API, STATS_QUERY = "invenio_stats", "invenio_stats.stat_query"

LIMIT = "120 per minute"
"""For pages and the REST API, together: more than a person reads, and than invenio-app gives a guest for all pages."""
BADGE_LIMIT = "600 per minute"
"""For badges, of which a page of another site may show a hundred at once, and which ask for little."""
PRIVACY_LIMIT = "300 per minute"
"""For the page about privacy, by itself: that others of the same network ask often must not keep one from objecting."""
WITHOUT_LIMIT = {f"{PAGES}.static", f"{API}.health", f"{API}.metrics"}
"""End points that keep the instance's limit for all: the style sheet, and what programs of the operator ask."""
_OF_THEIR_OWN = {BADGE: BADGE_LIMIT, PRIVACY: PRIVACY_LIMIT}
_GENERAL = ("RATELIMIT_GUEST_USER", "RATELIMIT_AUTHENTICATED_USER")


def find_limits(endpoints: Iterable[str], settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, str]:
    """Return RATELIMIT_PER_ENDPOINT with limits for those of our end points that it lacks.

    Releases before had `POST /api/stats` only. Whoever has changed the limits for all end points from their defaults
    keeps them for it: a program that sends many queries must not be stopped by an upgrade.

    :param defaults: the settings of invenio-app as it has them by itself.
    """
    is_changed = any(settings.get(name) != defaults.get(name) for name in _GENERAL)
    ours = {
        endpoint: _OF_THEIR_OWN.get(endpoint, LIMIT)
        for endpoint in endpoints
        if endpoint.partition(".")[0] in (PAGES, API)
        and endpoint not in WITHOUT_LIMIT
        and not (endpoint == STATS_QUERY and is_changed)
    }
    return {**ours, **settings["RATELIMIT_PER_ENDPOINT"]}


def set_limits(app: Any) -> None:
    """Add the limits to the settings of an application that has invenio-app."""
    from invenio_app import config  # only where it is installed

    app.config["RATELIMIT_PER_ENDPOINT"] = find_limits(app.view_functions, app.config, vars(config))
