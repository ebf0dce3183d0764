"""Name who may do more than read: managers of communities, and administrators."""

from collections.abc import Iterator
from typing import Any

from flask_principal import RoleNeed
from flask_security.utils import hash_password
from invenio_access.models import ActionUsers
from invenio_access.permissions import superuser_access
from invenio_accounts.proxies import current_datastore
from invenio_db import db

MANAGED = "physics"
"""Community that has a manager."""


def managers_of(community: str) -> str:
    """Return the role of the managers of a community."""
    return f"managers-of-{community}"


def is_manager(identity: Any, community: str) -> bool:
    """Return whether somebody is a manager of a community."""
    return RoleNeed(managers_of(community)) in identity.provides


def create_people(password: str) -> Iterator[dict[str, str]]:
    """Create a manager of a community, and an administrator; yield what they are, with their email."""
    for name, role in (("manager", f"manager of {MANAGED}"), ("administrator", "administrator")):
        email = f"{name}@example.org"
        profile = {"full_name": name.capitalize()}
        secret = hash_password(password)
        user = current_datastore.create_user(email=email, password=secret, active=True, user_profile=profile)
        if name == "manager":
            current_datastore.add_role_to_user(user, current_datastore.create_role(name=managers_of(MANAGED)))
        else:
            db.session.flush()
            db.session.add(ActionUsers.allow(superuser_access, user_id=user.id))
        yield {"role": role, "email": email}
