"""Decide who may ask the ready-made queries.

Numbers about the repository, about records that the asker may read and about communities that he may see are public;
those about a user are for that user and for administrators. Lists of uploaders name people: those of a community are
for its managers, those of the repository for administrators. What is hidden is answered like what does not exist. A
value that cannot be an id is not looked at: the query rejects it, with a message that helps.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from invenio_stats.errors import NotFoundError
from invenio_stats.items.access import current_identity
from invenio_stats.permissions import AllowAllPermission, Permission
from invenio_stats.proxies import current_stats
from invenio_stats.queries.usage.parameters import is_scope_id

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


def of_record(query_name: str, params: Params) -> type[AllowAllPermission]:
    """Permit a query about a record to whoever may read it; NotFoundError for others, and for an unknown record."""
    value = params.get("record")
    if is_scope_id(value):
        _check_record(str(value))
    return AllowAllPermission


def of_file(query_name: str, params: Params) -> type[AllowAllPermission]:
    """Permit a query about a file to whoever may read its record; NotFoundError for others."""
    value = params.get("file")
    if is_scope_id(value):
        _check_record(str(value).partition("/")[0])
    return AllowAllPermission


def of_community(query_name: str, params: Params) -> type[AllowAllPermission]:
    """Permit a query about a community to whoever may see it; NotFoundError for others, and for an unknown one."""
    _find_community(params)
    return AllowAllPermission


def managers_of_community(query_name: str, params: Params) -> Permission:
    """Permit a query to managers of the community; NotFoundError for whoever may not even see it."""
    community_id, identity = _find_community(params), current_identity()
    if community_id is None:  # the query answers that the parameter is missing; a visitor manages none
        return Decided(getattr(identity, "id", None) is not None)
    return Decided(current_stats.access.manages_community(identity, community_id))


def administrators(query_name: str, params: Params) -> Permission:
    """Permit a query to administrators of the instance."""
    return Decided(current_stats.access.is_administrator(current_identity()))


def of_user(query_name: str, params: Params) -> Permission:
    """Permit a query about a user to that user and to administrators."""
    identity = current_identity()
    user_id = getattr(identity, "id", None)
    is_own = user_id is not None and str(user_id) == str(params.get("user"))
    return Decided(is_own or current_stats.access.is_administrator(identity))


def _check_record(value: str) -> None:
    access = current_stats.access
    ids = access.item_of(value)
    asked = None if ids is None else ids[0] or ids[1]
    if asked is None or asked not in access.readable_items(current_identity(), [asked]):
        raise NotFoundError


def _find_community(params: Params) -> str | None:
    """Return the id of a community that the asker may see; None for a value that the query will reject."""
    value = params.get("community")
    if not is_scope_id(value):
        return None
    access = current_stats.access
    community = access.community(str(value))
    if community is None or not access.may_see_community(current_identity(), community.id):
        raise NotFoundError
    return str(community.id)
