"""Proxy to the extension's state in the current application."""

from typing import TYPE_CHECKING, Any, cast

from flask import current_app
from werkzeug.local import LocalProxy

if TYPE_CHECKING:  # the state is made above this layer
    from invenio_stats.ext import InvenioStatsState

current_stats = cast("InvenioStatsState", LocalProxy(lambda: current_app.extensions["invenio-stats"]))
"""The state of invenio-stats: see `invenio_stats.ext.InvenioStatsState`."""


def behind(proxy: Any) -> Any:
    """Return what a proxy stands for now; what is no proxy, a stand-in of a test say, is that itself.

    Each use of a proxy looks it up anew, which costs more than what is done with it: some ten times for an event.
    """
    return proxy._get_current_object() if type(proxy) is LocalProxy else proxy
