"""Provide the current visitor, timestamp and referrer to event builders, and functions that clients import."""

import datetime
from typing import Any

from flask import has_request_context, request, session
from invenio_search import current_search_client

try:
    from flask_login import current_user
except ModuleNotFoundError:  # without flask-login, all visitors are anonymous
    current_user = None

from invenio_stats.config import writes_zone
from invenio_stats.core import moments
from invenio_stats.permissions import AllowAllPermission, default_permission_factory
from invenio_stats.privacy.geoip import get_geoip
from invenio_stats.privacy.salts import get_anonymization_salt
from invenio_stats.proxies import unwrap

__all__ = (
    "AllowAllPermission",
    "current_user",
    "default_permission_factory",
    "format_datetime_iso",
    "get_anonymization_salt",
    "get_bucket_size",
    "get_geoip",
    "get_user",
    "stamp",
)


def stamp() -> dict[str, Any]:
    """Return the timestamp, referrer and visitor of the current request, which a builder adds to its event.

    The timestamp is in UTC; STATS_EVENTS_UTC_DATETIME_ENABLED determines its format.
    """
    now = datetime.datetime.now(datetime.timezone.utc)  # by the module, because test suites replace the class in it
    return {
        "timestamp": now.isoformat() if writes_zone() else now.isoformat(timespec="seconds")[:19],
        "referrer": unwrap(request).referrer if has_request_context() else None,
        **get_user(),
    }


def get_user() -> dict[str, str | None]:
    """Return IP address, user agent, user id and session id of the current request; None for those not known.

    The session of an anonymous visitor is left out: the first request has none and later ones do, so the visitor would
    count as two. Such visitors are identified by IP address and user agent.
    """
    if not has_request_context():
        return {"ip_address": None, "user_agent": None, "user_id": None, "session_id": None}
    current_request, user = unwrap(request), unwrap(current_user)
    signed_in = user is not None and user.is_authenticated
    return {
        "ip_address": current_request.remote_addr,
        "user_agent": current_request.user_agent.string,
        "user_id": user.get_id() if signed_in else None,
        "session_id": _session_id() if signed_in else None,
    }


def _session_id() -> str | None:
    return session.get("sid_s") or getattr(session, "sid_s", None)


def format_datetime_iso(dt: datetime.datetime, replace_microsecond: bool = False) -> str:
    """Write a moment in UTC as ISO 8601, optionally cut to the second; a moment without a zone is read as UTC.

    With STATS_EVENTS_UTC_DATETIME_ENABLED it is written with its zone, otherwise without.
    """
    return moments.writer(writes_zone())(moments.to_second(dt) if replace_microsecond else dt)


def get_bucket_size(client, index: str, agg_field: str, start_date=None, end_date=None) -> int:
    """Return the number of distinct values of a field in an index between two dates, inclusive; 0 without an index."""
    bounds = {edge: str(value) for edge, value in (("gte", start_date), ("lte", end_date)) if value is not None}
    query = {"range": {"timestamp": bounds}} if bounds else {"match_all": {}}
    answer = (client or current_search_client).search(
        index=index,
        body={
            "size": 0,
            "query": query,
            "aggs": {"unique_values": {"cardinality": {"field": agg_field, "precision_threshold": 40000}}},
        },
        ignore_unavailable=True,
    )
    return answer.get("aggregations", {}).get("unique_values", {}).get("value", 0)
