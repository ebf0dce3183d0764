"""Permissions: who may ask which query."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import current_app
from flask_babel import gettext as _

from invenio_stats.errors import NotPermittedError

try:
    from flask_login import current_user
except ModuleNotFoundError:  # an application without accounts has anonymous visitors only
    current_user = None


class Permission(Protocol):
    """What a permission factory returns."""

    def can(self) -> bool:
        """Say whether the current user may."""


PermissionFactory = Callable[[str, Mapping[str, Any]], Permission | None]
"""`(query_name, params)` -> permission, or None where everybody may."""


class AllowAllPermission:
    """Permits everything to everybody; the class may be used as it is, or be instantiated."""

    @classmethod
    def can(cls) -> bool:
        """Say yes."""
        return True

    @classmethod
    def allows(cls, *args: Any) -> bool:
        """Say yes, whoever asks."""
        return True


def default_permission_factory(query_name: str, params: Mapping[str, Any]) -> type[AllowAllPermission]:
    """Permit every query to everybody: numbers are public unless the instance says otherwise."""
    return AllowAllPermission


def check_permission(factory: PermissionFactory | None, query_name: str, params: Mapping[str, Any]) -> None:
    """Return when the current user may ask the query with these parameters.

    NotPermittedError otherwise: 401 for anonymous users, who can log in, 403 for others.
    """
    permission = factory(query_name, params) if factory is not None else None
    if permission is None or permission.can():
        return
    if _is_signed_in():
        raise NotPermittedError(
            403, _("You are not permitted to ask query '%(name)s' with these parameters.", name=query_name)
        )
    raise NotPermittedError(401, _("Query '%(name)s' needs a login with permission for it.", name=query_name))


def _is_signed_in() -> bool:
    return current_user is not None and hasattr(current_app, "login_manager") and bool(current_user.is_authenticated)
