"""Ask InvenioRDM who may read what, who owns and manages what, and how ids belong together."""

from collections.abc import Sequence
from typing import Any

from invenio_stats.items.access import SYSTEM, Community, Identity, ItemIds
from invenio_stats.items.accounts import names_of_users
from invenio_stats.items.holdings import Holdings, dialect_of_database
from invenio_stats.items.metadata import BATCH_SIZE
from invenio_stats.items.rdm_holdings import select_holdings
from invenio_stats.items.rdm_search import (
    MAX_HITS,
    Document,
    find_communities,
    find_items_of_user,
    find_items_with_readable_files,
    find_records,
)

MANAGING_ROLES = ("owner", "manager")
"""Roles of those members who see what only managers of a community see."""


class RDMAccess:
    """`STATS_ACCESS` for InvenioRDM: see `items.access.Access`. At most three requests for a batch, none for a record.

    Whether somebody may read a record is decided by the search of the records service, which applies the permission
    policy; `read_many` of that service does not.
    """

    def readable_items(self, identity: Identity, ids: Sequence[str]) -> set[str]:
        """Return those of the ids whose records the identity may read; of a parent, any version."""
        return set(self.shown_items(identity, ids))

    def shown_items(self, identity: Identity, ids: Sequence[str]) -> dict[str, str]:
        """Return, for each id that may be read, the item that stands for it: of a parent, the newest readable one."""
        shown = {record["id"]: record["id"] for record in find_records(identity, "id", ids, BATCH_SIZE)}
        parents = [asked for asked in ids if asked not in shown]
        shown |= _by_parent(find_records(identity, "parent.id", parents, BATCH_SIZE, only_latest=True))
        # The newest version of these may not be read, or they are not known.
        parents = [asked for asked in parents if asked not in shown]
        return shown | _by_parent(_in_order(find_records(identity, "parent.id", parents, MAX_HITS)))

    def community(self, slug_or_label: str) -> Community | None:
        """Return a community by its slug or its id, which is the label of its records."""
        for field in ("id", "slug"):
            for found in find_communities(SYSTEM, field, [slug_or_label]):
                return Community(found["id"], found["slug"], found["metadata"]["title"])
        return None

    def may_see_community(self, identity: Identity, community_id: str) -> bool:
        """Return whether the policy of communities lets the identity read a community."""
        return bool(self.communities(identity, [community_id]))

    def manages_community(self, identity: Identity, community_id: str) -> bool:
        """Return whether the identity's roles in a community, loaded at its login, include a managing one."""
        from invenio_communities.generators import CommunityRoleNeed

        needs = {CommunityRoleNeed(community_id, role) for role in MANAGING_ROLES}
        return not needs.isdisjoint(identity.provides)

    def is_administrator(self, identity: Identity) -> bool:
        """Return whether the identity was given `administration-access` or `superuser-access`."""
        from invenio_access.permissions import Permission
        from invenio_administration.permissions import administration_access_action

        return bool(Permission(administration_access_action).allows(identity))

    def items_of(self, user_id: str) -> list[str]:
        """Return all versions of the records that a user owns, the newest first."""
        return find_items_of_user(user_id)

    def owners(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the owner of each record; all versions have the same."""
        found = [*find_records(SYSTEM, "id", ids, BATCH_SIZE)]
        owners = {record["id"]: _owners_of(record) for record in found}
        parents = [asked for asked in ids if asked not in owners]
        found = [*find_records(SYSTEM, "parent.id", parents, BATCH_SIZE, only_latest=True)]
        return owners | {record["parent"]["id"]: _owners_of(record) for record in found}

    def item_of(self, pid_or_id: str) -> ItemIds | None:
        """Return the ids of the record with this persistent identifier or UUID, or of the parent with this one."""
        for field in ("id", "_id"):
            for record in find_records(SYSTEM, field, [pid_or_id], 1):
                return ItemIds(record["id"], record["parent"]["id"])
        return next((ItemIds(None, pid_or_id) for _ in find_records(SYSTEM, "parent.id", [pid_or_id], 1)), None)

    def versions(self, parent_id: str) -> list[str]:
        """Return the items of all published versions, the oldest first."""
        return [record["id"] for record in _in_order(find_records(SYSTEM, "parent.id", [parent_id], MAX_HITS))]

    def files(self, item_ids: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
        """Return keys and sizes of the files of each version; not of its media files."""
        return {
            record["id"]: [(file["key"], file["size"]) for file in record.get("files", {}).get("entries", ())]
            for record in find_records(SYSTEM, "id", item_ids, BATCH_SIZE)
        }

    def items_with_readable_files(self, identity: Identity, item_ids: Sequence[str]) -> set[str]:
        """Return those of the versions of which the policy of records permits `read_files`, in one request."""
        return set(find_items_with_readable_files(identity, item_ids))

    def communities(self, identity: Identity, labels: Sequence[str]) -> dict[str, str]:
        """Return the titles of those communities that the identity may see."""
        return {found["id"]: found["metadata"]["title"] for found in find_communities(identity, "id", labels)}

    def user_names(self, user_ids: Sequence[str]) -> dict[str, str]:
        """Return full names, else user names."""
        return names_of_users(user_ids)

    def holdings(self) -> Holdings:
        """Return the holdings in InvenioRDM's tables."""
        return select_holdings(dialect_of_database())


def _in_order(records: Any) -> list[Document]:
    return sorted(records, key=lambda record: record["versions"]["index"])


def _by_parent(records: Any) -> dict[str, str]:
    """Return the last item of each parent."""
    return {record["parent"]["id"]: record["id"] for record in records}


def _owners_of(record: Document) -> list[str]:
    owner = record["parent"]["access"].get("owned_by") or {}
    return [str(owner["user"])] if owner.get("user") is not None else []
