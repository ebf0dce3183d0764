"""Tell statistics which versions a record has, and who manages a community: plain Invenio has neither."""

from invenio_records.models import RecordMetadata

from invenio_stats.items.access import Identity
from invenio_stats.items.plain_access import PlainAccess
from library.roles import is_manager


class LibraryAccess(PlainAccess):
    """Who may read, own and manage what in the library, as its records say."""

    def versions(self, parent_id: str) -> list[str]:
        """Return the records with this parent, the oldest first; the parent has the id of the first one."""
        found = [row.json["id"] for row in RecordMetadata.query if row.json and row.json["parent"] == parent_id]
        return sorted(found, key=int)

    def manages_community(self, identity: Identity, community_id: str) -> bool:
        """Return whether somebody has the role of its managers."""
        return is_manager(identity, community_id)
