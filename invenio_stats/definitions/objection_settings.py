"""Check the settings of visitors' objection when the application starts."""

import re
from collections.abc import Mapping
from typing import Any

from invenio_stats.core.objection import SIGNALS, needs_no_domain
from invenio_stats.errors import ConfigurationError

_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of HTTP (RFC 6265, 4.1.1)."""


def check_objection(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a signal that does not exist, and for a name that no cookie can have."""
    signals, cookie = config["STATS_OBJECTION_SIGNALS"], config["STATS_OBJECTION_COOKIE"]
    if not isinstance(signals, tuple | list | set | frozenset) or not {*signals} <= {*SIGNALS}:
        known = ", ".join(SIGNALS)
        raise ConfigurationError(
            f"STATS_OBJECTION_SIGNALS is {signals!r}. Set it to a tuple of some of: {known}; such as ('cookie', 'gpc')."
        )
    if not isinstance(cookie, str) or not _COOKIE_NAME.fullmatch(cookie):
        raise ConfigurationError(
            f"STATS_OBJECTION_COOKIE is {cookie!r}. Set it to letters, digits, '-' and '_': 'stats-objection'."
        )
    if needs_no_domain(cookie) and config.get("SESSION_COOKIE_DOMAIN"):
        raise ConfigurationError(
            f"STATS_OBJECTION_COOKIE is {cookie!r}: browsers refuse a cookie with this beginning that has a domain, "
            "and SESSION_COOKIE_DOMAIN is set. Set it to another name."
        )
    if cookie == config.get("SESSION_COOKIE_NAME"):
        raise ConfigurationError(
            f"STATS_OBJECTION_COOKIE is {cookie!r}, the name of the session's cookie. Set it to another name."
        )
