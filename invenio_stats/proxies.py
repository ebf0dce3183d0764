"""Proxy to the extension's state in the current application."""

from typing import TYPE_CHECKING, cast

from flask import current_app
from werkzeug.local import LocalProxy

if TYPE_CHECKING:  # the state is made above this layer
    from invenio_stats.ext import InvenioStatsState

current_stats = cast("InvenioStatsState", LocalProxy(lambda: current_app.extensions["invenio-stats"]))
"""The state of invenio-stats: see `invenio_stats.ext.InvenioStatsState`."""
