"""Parse the settings of the deposit with DataCite's usage reports service."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from invenio_stats.core.counter_deposit import DepositAccount
from invenio_stats.core.counter_platform import Platform
from invenio_stats.definitions.counter_settings import check_text
from invenio_stats.errors import ConfigurationError

_URL, _TOKEN, _ACCOUNT = (f"STATS_COUNTER_DATACITE_{name}" for name in ("URL", "TOKEN", "ACCOUNT"))


def parse_deposit_account(settings: Mapping[str, Any], platform: Platform | None) -> DepositAccount:
    """Return the account; ConfigurationError if a setting is missing or wrong. No message has the token."""
    if platform is None:
        raise ConfigurationError(
            f"{_URL} is set, and there are no COUNTER reports to deposit. Set STATS_COUNTER_PLATFORM and "
            f"STATS_COUNTER_PLATFORM_ID, or set {_URL} and {_TOKEN} to None."
        )
    if find_spec("requests") is None:
        raise ConfigurationError(f"{_URL} is set, and requests is not installed: pip install 'invenio-stats[deposit]'.")
    token = settings[_TOKEN]
    if not isinstance(token, str) or not re.fullmatch("[!-~]+", token):
        raise ConfigurationError(
            f"{_TOKEN} is {'not set' if token is None else 'no token'}. Set it to the token of the account at the "
            "service, printable ASCII without blanks."
        )
    account = settings[_ACCOUNT]
    return DepositAccount(
        _check_url(settings[_URL]), token, platform.created_by if account is None else check_text(_ACCOUNT, account)
    )


def _check_url(value: Any) -> str:
    """Return an address without a slash at its end."""
    if value is None:
        raise ConfigurationError(f"{_TOKEN} is set without {_URL}. Set that to 'https://api.datacite.org'.")
    try:
        parsed = urlsplit(value if isinstance(value, str) else "")
        is_right = parsed.scheme in ("http", "https") and parsed.hostname and parsed.port != 0
    except ValueError:  # no number as port
        is_right = False
    if not is_right or not re.fullmatch("[!-~]+", value) or any((parsed.query, parsed.fragment)) or "@" in value:
        shown = "an address with a name or password" if "@" in str(value) else repr(value)
        raise ConfigurationError(
            f"{_URL} is {shown}. Set it to an absolute address of http or https such as 'https://api.datacite.org', "
            "without user, query and fragment."
        )
    return str(value).rstrip("/")
