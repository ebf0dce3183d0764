"""Decide who may ask about holdings: everybody, but lists of uploaders name people."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from invenio_stats.errors import NotFoundError
from invenio_stats.items.access import current_identity
from invenio_stats.permissions import AllowAllPermission, Permission
from invenio_stats.proxies import current_stats

Params = Mapping[str, Any]


class Decided(NamedTuple):
    """A permission that is known."""

    is_given: bool

    def can(self) -> bool:
        """Return whether it is given."""
        return self.is_given


def everybody(query_name: str, params: Params) -> type[AllowAllPermission]:
    """Permit a query to all users."""
    return AllowAllPermission


def administrators(query_name: str, params: Params) -> Permission:
    """Permit a query to administrators of the instance."""
    return Decided(current_stats.access.is_administrator(current_identity()))


def who_sees_community(query_name: str, params: Params) -> type[AllowAllPermission]:
    """Permit a query to whoever may see the community; NotFoundError for others, and for an unknown community."""
    _visible_community(params)
    return AllowAllPermission


def managers_of_community(query_name: str, params: Params) -> Permission:
    """Permit a query to managers of the community; NotFoundError for who may not even see it."""
    community_id = _visible_community(params)
    # Without a community the query answers that the parameter is missing.
    is_manager = current_stats.access.manages_community(current_identity(), community_id) if community_id else True
    return Decided(is_manager)


def _visible_community(params: Params) -> str | None:
    """Return the id of the community in the parameters; None for a value that the query will reject."""
    value = params.get("community")
    if not value or not isinstance(value, str):
        return None
    access = current_stats.access
    community = access.community(value)
    if community is None or not access.may_see_community(current_identity(), community.id):
        raise NotFoundError
    return str(community.id)
