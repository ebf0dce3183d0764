"""Access to records and files: open ones for everybody, restricted ones for who is signed in.

The pages of embargoed records are for everybody, their files for nobody.
"""

from typing import Any

from flask_login import current_user
from werkzeug.exceptions import Forbidden

from library.items import record_of_bucket

_READ = {"bucket-read", "object-read"}


def is_somebody(identity: Any) -> bool:
    """Say whether an identity is that of a user who has signed in."""
    return identity.id is not None


class RecordPermission:
    """Whether somebody may see the page of a record."""

    def __init__(self, record: Any):
        """Ask about a record."""
        self.record = record

    def can(self) -> bool:
        """Return whether the current user may see it."""
        return self.record["access_status"] != "restricted" or current_user.is_authenticated

    def allows(self, identity: Any) -> bool:
        """Return whether an identity may see it."""
        return self.record["access_status"] != "restricted" or is_somebody(identity)


class ReadPermission:
    """Whether somebody may do something with a file or its bucket."""

    def __init__(self, thing: Any, action: str):
        """Ask for an action of invenio-files-rest."""
        self.thing = thing
        self.action = action

    def can(self) -> bool:
        """Return True, or refuse openly (403): that the files exist is no secret here."""
        if self._may_read(current_user.is_authenticated):
            return True
        raise Forbidden("You do not have permission for this action.")

    def allows(self, identity: Any) -> bool:
        """Return whether an identity may do it."""
        return self._may_read(is_somebody(identity))

    def _may_read(self, is_signed_in: bool) -> bool:
        if self.action not in _READ:
            return False
        record = record_of_bucket(getattr(self.thing, "bucket_id", None) or self.thing.id)
        status = record and record["access_status"]
        return status == "open" or (status == "restricted" and is_signed_in)


def permission_factory(thing: Any, action: str) -> ReadPermission:
    """Return the permission that invenio-files-rest asks for."""
    return ReadPermission(thing, action)


def may_read_record(record: Any, *args: Any, **kwargs: Any) -> RecordPermission:
    """Return the permission that invenio-records-ui asks for."""
    return RecordPermission(record)
