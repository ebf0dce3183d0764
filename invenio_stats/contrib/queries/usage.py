"""The ready-made queries about usage: totals, series, lists and breakdowns of each scope."""

from collections.abc import Callable
from typing import Any

from invenio_stats.contrib.queries import permissions
from invenio_stats.queries.usage.answers import UsageSeriesQuery, UsageTotalQuery
from invenio_stats.queries.usage.breakdowns import UsageBreakdownQuery
from invenio_stats.queries.usage.lists import UsageListQuery
from invenio_stats.queries.usage.open_ratio import OpenRatioQuery
from invenio_stats.queries.usage.parameters import Accepted

_ALL_METRICS = ("downloads", "views", "volume")
_OF_FILES = ("downloads", "volume")


def _query(cls: type, permission: Callable[..., Any], accepted: Accepted, **params: Any) -> dict[str, Any]:
    return {"cls": cls, "permission_factory": permission, "params": {"accepted": accepted, **params}}


_SCOPES = {
    "repository": (permissions.everybody, Accepted("repository")),
    "community": (permissions.of_community, Accepted("community")),
    "record": (permissions.of_record, Accepted("record", "all")),
    "file": (permissions.of_file, Accepted("file", "all")),
    "user": (permissions.of_user, Accepted("user")),
}

_LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "repository-records": ("repository", {}),
    "repository-communities": ("repository", {"kind": "community"}),
    "community-records": ("community", {}),
    "record-versions": ("record", {"kind": "version"}),
    "record-files": ("record", {"kind": "file", "has_months": True}),
    "user-records": ("user", {"has_months": True}),
}


_BREAKDOWNS = {"countries": "country", "hosts": "referrer"}


def _build() -> dict[str, dict[str, Any]]:
    queries = {}
    for scope, (permission, accepted) in _SCOPES.items():
        kind = {"kind": "file"} if scope == "file" else {}
        queries[f"{scope}-total"] = _query(UsageTotalQuery, permission, accepted, **kind)
        queries[f"{scope}-series"] = _query(UsageSeriesQuery, permission, accepted._replace(has_interval=True), **kind)
    for name, (scope, params) in _LISTS.items():
        permission, accepted = _SCOPES[scope]
        listed = params.get("kind")
        metrics = _OF_FILES if listed == "file" else _ALL_METRICS
        accepted = accepted._replace(by=metrics, has_versions=listed != "version")
        queries[name] = _query(UsageListQuery, permission, accepted, **params)
    for scope in ("repository", "community", "record"):
        permission, accepted = _SCOPES[scope]
        whole = accepted._replace(compares=False, has_versions=False)  # a single version never has a breakdown
        for name, dimension in _BREAKDOWNS.items():
            queries[f"{scope}-{name}"] = _query(UsageBreakdownQuery, permission, whole, dimension=dimension)
        queries[f"{scope}-open-ratio"] = _query(OpenRatioQuery, permission, accepted._replace(compares=False))
    return queries


USAGE_QUERIES = _build()
"""Totals, series, lists, breakdowns and shares of open use, by name; more queries about usage are added to it."""
