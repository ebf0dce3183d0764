"""Read from the current request whether its visitor objects to being counted, and keep the visitor's choice."""

from flask import Response, current_app, has_request_context, request

from invenio_stats.core.objection import (
    COOKIE_DAYS,
    HEADERS,
    OBJECTING,
    Preferences,
    Signal,
    find_objections,
    is_objection,
    needs_https,
)
from invenio_stats.proxies import unwrap


def is_objecting() -> bool:
    """Return True if the current request objects to being counted; False outside of a request."""
    return bool(read_objections())


def read_objections() -> tuple[Signal, ...]:
    """Return the signals by which the current request objects; none outside of a request."""
    if not has_request_context():
        return ()
    asked, settings = unwrap(request), current_app.config
    # Of several cookies of this name, one of the host and one of its domain, each may object.
    cookies = [cookie for cookie in asked.cookies.getlist(settings["STATS_OBJECTION_COOKIE"]) if is_objection(cookie)]
    preferences = Preferences(
        cookie=next(iter(cookies), None),
        **{signal: asked.headers.get(header) for signal, header in HEADERS.items()},
    )
    return find_objections(preferences, settings["STATS_OBJECTION_SIGNALS"])


def keep_choice(response: Response, objects: bool) -> None:
    """Set the cookie of visitors who object, or delete it.

    The cookie is the same for everybody. It reaches all applications of the site: its path is `/`, and its domain that
    of the session's cookie, by default the host alone.
    """
    name = current_app.config["STATS_OBJECTION_COOKIE"]
    domain = current_app.session_interface.get_cookie_domain(current_app)
    is_secure = request.is_secure or needs_https(name)
    how = {"path": "/", "secure": is_secure, "httponly": True, "samesite": "Lax"}
    if objects:
        response.set_cookie(name, OBJECTING, max_age=COOKIE_DAYS * 86_400, domain=domain, **how)
        return
    for possible in dict.fromkeys([domain, None]):  # also one from the time before the session's cookie had a domain
        response.delete_cookie(name, domain=possible, **how)
