"""Tell statistics which versions a record has: plain Invenio records have none of themselves."""

from invenio_records.models import RecordMetadata

from invenio_stats.items.plain_access import PlainAccess


class LibraryAccess(PlainAccess):
    """Who may read, own and manage what in the library, as its records say."""

    def versions(self, parent_id: str) -> list[str]:
        """Return the records with this parent, the oldest first; the parent has the id of the first one."""
        found = [row.json["id"] for row in RecordMetadata.query if row.json and row.json["parent"] == parent_id]
        return sorted(found, key=int)
