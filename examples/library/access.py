"""Access to files: open ones for everybody, restricted ones for who is signed in, embargoed ones for nobody."""

from typing import Any

from flask_login import current_user
from werkzeug.exceptions import Forbidden

from library.items import record_of_bucket

_READ = {"bucket-read", "object-read"}


class ReadPermission:
    """Whether the current user may do something with a file or its bucket."""

    def __init__(self, thing: Any, action: str):
        """Ask for an action of invenio-files-rest."""
        self.thing = thing
        self.action = action

    def can(self) -> bool:
        """Return True, or refuse openly (403): that the files exist is no secret here."""
        if self.action in _READ and self._may_read():
            return True
        raise Forbidden("You do not have permission for this action.")

    def _may_read(self) -> bool:
        record = record_of_bucket(getattr(self.thing, "bucket_id", None) or self.thing.id)
        status = record and record["access_status"]
        return status == "open" or (status == "restricted" and current_user.is_authenticated)


def permission_factory(thing: Any, action: str) -> ReadPermission:
    """Return the permission that invenio-files-rest asks for."""
    return ReadPermission(thing, action)
