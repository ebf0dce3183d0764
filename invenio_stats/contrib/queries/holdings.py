"""Questions about holdings, new records and uploaders; they are absent from an instance without a database."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from invenio_stats.contrib.queries import permissions
from invenio_stats.permissions import PermissionFactory

_CLASSES = "invenio_stats.queries.holdings"


def _query(cls: str, scope: str, permission_factory: PermissionFactory) -> Callable[[Flask], dict[str, Any] | None]:
    """Return an entry of STATS_QUERIES that is left out if the application has no database with records."""

    def entry(app: Flask) -> dict[str, Any] | None:
        if not app.extensions["invenio-stats"].access.has_holdings:
            return None
        # A name, so that only an application with a database imports SQLAlchemy.
        return {"cls": f"{_CLASSES}:{cls}", "params": {"scope": scope}, "permission_factory": permission_factory}

    return entry


HOLDINGS_QUERIES = {
    "repository-holdings": _query("HoldingsQuery", "repository", permissions.everybody),
    "repository-new-records": _query("NewRecordsQuery", "repository", permissions.everybody),
    "repository-uploaders": _query("UploadersQuery", "repository", permissions.administrators),
    "community-holdings": _query("HoldingsQuery", "community", permissions.of_community),
    "community-new-records": _query("NewRecordsQuery", "community", permissions.of_community),
    "community-uploaders": _query("UploadersQuery", "community", permissions.managers_of_community),
}
"""Queries by name, for STATS_QUERIES."""
