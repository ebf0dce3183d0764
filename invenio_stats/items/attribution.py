"""Attribute the use in a request to text and data mining, and to the institution of its user."""

import logging
from collections.abc import Callable
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from flask import has_request_context, request

from invenio_stats.core.usage_fields import TDM
from invenio_stats.privacy.error_texts import without_text
from invenio_stats.proxies import current_stats, unwrap

try:
    from flask_login import current_user
except ModuleNotFoundError:  # without flask-login, nobody is a user
    current_user = None

logger = logging.getLogger(__name__)

_KEY = "invenio_stats.items.attribution"


def request_fields() -> dict[str, str]:
    """Return the event fields `access_method` and `institution` of the current request, those that are known.

    STATS_COUNTER_TDM and STATS_COUNTER_INSTITUTION are asked once in a request; if one fails, the error is logged and
    its field is not known. The institution of an IP address is found later, where the event is pseudonymized.
    """
    state = unwrap(current_stats)
    if not has_request_context() or (state.is_mining_request is None and state.institution_of_user is None):
        return {}
    environ = unwrap(request).environ
    if _KEY not in environ:
        found = {}
        if _ask("STATS_COUNTER_TDM", state.is_mining_request, request):
            found["access_method"] = TDM
        institution = _ask("STATS_COUNTER_INSTITUTION", state.institution_of_user, current_user)
        if isinstance(institution, str) and institution in state.customers.by_id:
            found["institution"] = institution
        elif institution is not None:  # the value is not logged: it may be the name of a person
            logger.error("STATS_COUNTER_INSTITUTION returned no id of STATS_COUNTER_CUSTOMERS")
        environ[_KEY] = found
    fields: dict[str, str] = environ[_KEY]
    return fields


def _ask(setting: str, function: Callable[[Any], Any] | None, proxy: Any) -> Any:
    if function is None or proxy is None:
        return None
    try:
        return function(unwrap(proxy))
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.error("Error attributing a request", exc_info=without_text(error), extra={"setting": setting})
        return None
