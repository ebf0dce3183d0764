"""Check the settings of visitors' objection when the application starts."""

import re
from collections.abc import Mapping
from typing import Any

from invenio_stats.core.objection import SIGNALS, needs_no_domain
from invenio_stats.errors import ConfigurationError

_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of HTTP (RFC 6265, 4.1.1)."""

_OTHER_COOKIES = {
    "SESSION_COOKIE_NAME": ("session", "the session's"),
    "CSRF_COOKIE_NAME": ("csrftoken", "Invenio-REST's"),
    "REMEMBER_COOKIE_NAME": ("remember_token", "Flask-Login's"),
}
"""Settings of cookies that would replace that of an objection, or be replaced: default, and whose they are."""
_NO_TEXT = r"\s\x00-\x1f\x7f\ud800-\udfff"
_CONTACT = re.compile(rf"(https?://|mailto:|/(?!/))[^{_NO_TEXT}]+|[^@:/{_NO_TEXT}]+@[^@:/{_NO_TEXT}]+|/")
"""An address of a page, of this site or another one, or of mail."""


def check_objection(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for what would keep visitors from objecting, or from asking.

    These are a signal that does not exist, a name that no cookie can have, and a contact that is no address.
    """
    signals, cookie = config["STATS_OBJECTION_SIGNALS"], config["STATS_OBJECTION_COOKIE"]
    if not isinstance(signals, tuple | list | set | frozenset) or not all(signal in SIGNALS for signal in signals):
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
    for setting, (default, whose) in _OTHER_COOKIES.items():
        if cookie == config.get(setting, default):
            raise ConfigurationError(
                f"STATS_OBJECTION_COOKIE is {cookie!r}, the name of {whose} cookie. Set it to another name."
            )
    contact = config.get("STATS_PRIVACY_CONTACT")
    if contact is not None and not (isinstance(contact, str) and _CONTACT.fullmatch(contact)):
        raise ConfigurationError(
            f"STATS_PRIVACY_CONTACT is {contact!r}. Set it to the address of a page, such as "
            "'https://repository.example.org/privacy' or '/privacy', to a mail address, or to None."
        )
