"""Check whether the current user may run a query."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import current_app
from flask_babel import gettext as _

from invenio_stats.core.customers import THE_WORLD
from invenio_stats.errors import NotPermittedError
from invenio_stats.items.access import current_identity
from invenio_stats.proxies import current_stats

try:
    from flask_login import current_user
except ModuleNotFoundError:  # without flask-login, all users are anonymous
    current_user = None


class Permission(Protocol):
    """The result of a permission factory."""

    def can(self) -> bool:
        """Return True if the current user has the permission."""


PermissionFactory = Callable[[str, Mapping[str, Any]], Permission | None]
"""`(query_name, params)` -> permission, or None if all users may run the query."""


class AllowAllPermission:
    """Permits everything to all users; the class itself can be used as well as an instance."""

    @classmethod
    def can(cls) -> bool:
        """Return True."""
        return True

    @classmethod
    def allows(cls, *args: Any) -> bool:
        """Return True for all identities."""
        return True


def default_permission_factory(query_name: str, params: Mapping[str, Any]) -> type[AllowAllPermission]:
    """Permit every query to all users: numbers are public unless the instance sets another factory."""
    return AllowAllPermission


class AdministratorPermission:
    """Permits something to administrators of the instance, as STATS_ACCESS knows them, and to commands."""

    @staticmethod
    def can() -> bool:
        """Return whether the current user is one."""
        return bool(current_stats.access.is_administrator(current_identity()))


def administrator_permission_factory(name: str, params: Mapping[str, Any]) -> AdministratorPermission:
    """Permit something to administrators only: the default for monitoring."""
    return AdministratorPermission()


def counter_permission_factory(customer_id: str) -> type[AllowAllPermission] | AdministratorPermission:
    """Permit the COUNTER reports of The World to everybody, those of other customers to administrators only."""
    return AllowAllPermission if customer_id == THE_WORLD else AdministratorPermission()


def check_permission(factory: PermissionFactory | None, query_name: str, params: Mapping[str, Any]) -> bool:
    """Return if the current user may run the query with these parameters, otherwise raise NotPermittedError.

    Its status is 401 for anonymous users, who can log in, and 403 for others. True if everybody may run it: there is no
    permission, or it is AllowAllPermission.
    """
    permission = factory(query_name, params) if factory is not None else None
    if permission is None or permission is AllowAllPermission or type(permission) is AllowAllPermission:
        return True
    if permission.can():
        return False
    if _is_signed_in():
        raise NotPermittedError(
            403, _("You are not permitted to run query '%(name)s' with these parameters.", name=query_name)
        )
    raise NotPermittedError(401, _("Query '%(name)s' requires a login with permission for it.", name=query_name))


def _is_signed_in() -> bool:
    return current_user is not None and hasattr(current_app, "login_manager") and bool(current_user.is_authenticated)


def user_id() -> str | None:
    """Return the id of the user of the current request; None for a visitor."""
    if _is_signed_in():
        return str(current_user.get_id())
    identity_id = current_identity().id
    return None if identity_id is None else str(identity_id)
