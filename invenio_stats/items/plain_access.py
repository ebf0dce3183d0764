"""Ask plain Invenio who may read records and who owns them."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from flask import current_app

from invenio_stats.items.access import Community, Identity, ItemIds, is_system
from invenio_stats.items.accounts import names_of_users
from invenio_stats.items.holdings import Holdings, dialect_of_database
from invenio_stats.items.plain_files import find_readable_buckets
from invenio_stats.items.plain_holdings import select_holdings
from invenio_stats.items.plain_permissions import permits
from invenio_stats.items.plain_records import (
    endpoint,
    item_of_record,
    load_records,
    owners_in,
    read_each,
    records_owned,
)


class PlainAccess:
    """`STATS_ACCESS` for records of invenio-records: see `items.access.Access`. Two statements for a batch.

    `RECORDS_UI_DEFAULT_PERMISSION_FACTORY`, or the factory of the endpoint in `RECORDS_UI_ENDPOINTS`, decides who
    reads a record, as it does for its page; without invenio-records-ui nobody does. Records have no versions, and
    communities no managers.
    """

    def __init__(
        self,
        pid_type: str = "recid",
        owner_field: str = "owners",
        files_field: str = "_files",
        bucket_field: str = "_bucket",
        communities: Mapping[str, str] | None = None,
    ):
        """Take the type of the records' identifiers, and which fields of a record hold its owners and its files.

        The field of owners is a key, or keys with dots between them, the others are keys. The owner is the id of a
        user or a list of ids, files are a list of dicts with `key` and `size`, and the bucket is its id. `communities`
        holds the titles of communities by label, all of them public; without it, each label is the title of its
        community.
        """
        self._pid_type = pid_type
        self._owner_field = owner_field.split(".")
        self._files_field = files_field
        self._bucket_field = bucket_field
        self._communities = communities

    def readable_items(self, identity: Identity, ids: Sequence[str]) -> set[str]:
        """Return those of the ids whose records the identity may read."""
        records = load_records(ids, self._pid_type)
        if is_system(identity):
            return set(records)
        permitted = read_each(records.items(), lambda _asked, record: self._may_read(identity, record))
        return {asked for asked, is_readable in permitted if is_readable}

    def community(self, slug_or_label: str) -> Community | None:
        """Return the community with this label."""
        title = self.communities(None, [slug_or_label]).get(slug_or_label)
        return None if title is None else Community(slug_or_label, slug_or_label, title)

    def may_see_community(self, identity: Identity, community_id: str) -> bool:
        """Return True for a community that is known."""
        return self.community(community_id) is not None

    def manages_community(self, identity: Identity, community_id: str) -> bool:
        """Return False: communities have no managers."""
        return False

    def is_administrator(self, identity: Identity) -> bool:
        """Return whether the identity was given `superuser-access`; nobody was without invenio-access."""
        try:
            from invenio_access.permissions import Permission, superuser_access
        except ModuleNotFoundError:
            return False
        return bool(Permission(superuser_access).allows(identity))

    def items_of(self, user_id: str) -> list[str]:
        """Return the items of the records that a user owns, the newest first."""
        owned = records_owned(user_id, self._owner_field, self._pid_type)
        found = read_each((("", record) for record in owned), lambda _asked, record: item_of_record(record))
        return [item.item_id for _asked, item in found if item]

    def owners(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the users in the owner field of a record."""
        records = load_records(ids, self._pid_type)
        return {asked: owners_in(record, self._owner_field) for asked, record in records.items()}

    def item_of(self, pid_or_id: str) -> ItemIds | None:
        """Return the ids that `STATS_ITEM_RESOLVER` gives to the record with this identifier or UUID."""
        record = load_records([pid_or_id], self._pid_type).get(pid_or_id)
        item = record and item_of_record(record)
        return ItemIds(item.item_id, getattr(item, "parent_id", None) or item.item_id) if item else None

    def versions(self, parent_id: str) -> list[str]:
        """Return the record itself."""
        ids = self.item_of(parent_id)
        return [ids.item_id] if ids and ids.item_id else []

    def files(self, item_ids: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
        """Return what the field of files says."""
        records = load_records(item_ids, self._pid_type)
        return dict(read_each(records.items(), self._files_of))

    def buckets(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return what the field of the bucket says."""
        records = load_records(item_ids, self._pid_type)
        return {asked: str(bucket) for asked, record in records.items() if (bucket := record.get(self._bucket_field))}

    def items_with_readable_files(self, identity: Identity, item_ids: Sequence[str]) -> set[str]:
        """Return those of the readable records whose bucket the identity may read.

        `FILES_REST_PERMISSION_FACTORY` decides, as it does for the list of the files in a bucket. Who may read a record
        without a bucket may read its files.
        """
        readable = self.readable_items(identity, item_ids)
        if is_system(identity):
            return readable
        records = load_records(sorted(readable), self._pid_type)
        buckets = {asked: str(record.get(self._bucket_field) or "") for asked, record in records.items()}
        permitted = find_readable_buckets(identity, set(buckets.values()) - {""})
        return {asked for asked, bucket in buckets.items() if not bucket or bucket in permitted}

    def communities(self, identity: Identity, labels: Sequence[str]) -> dict[str, str]:
        """Return the titles of those communities that are known."""
        if self._communities is None:
            return {label: label for label in labels}
        return {label: self._communities[label] for label in labels if label in self._communities}

    def user_names(self, user_ids: Sequence[str]) -> dict[str, str]:
        """Return full names, else user names."""
        return names_of_users(user_ids)

    def holdings(self) -> Holdings:
        """Return the holdings in the table of records."""
        return select_holdings(dialect_of_database(), self._pid_type, self._owner_field, self._files_field)

    def _files_of(self, asked: str, record: Any) -> list[tuple[str, int]]:
        return [(file["key"], file["size"]) for file in record.get(self._files_field) or ()]

    def _may_read(self, identity: Identity, record: Any) -> bool:
        from werkzeug.utils import import_string

        records_ui = current_app.extensions.get("invenio-records-ui")
        if records_ui is not None:
            factory = records_ui.permission_factory
        elif find_spec("invenio_records_ui") is not None:
            # The application of the REST API has no pages; it shares the settings of the one that has them.
            factory = current_app.config.get("RECORDS_UI_DEFAULT_PERMISSION_FACTORY")
        else:
            return False
        factory = endpoint(self._pid_type).get("permission_factory_imp") or factory
        if factory is None:  # then the page is everybody's
            return True
        return permits((import_string(factory) if isinstance(factory, str) else factory)(record), identity)
