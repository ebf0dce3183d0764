"""Search records, communities and resource types of InvenioRDM through its services."""

from collections.abc import Iterator, Sequence
from typing import Any

Document = dict[str, Any]
"""A document of InvenioRDM's index."""

MAX_HITS = 10_000
"""The most that the services return for one search."""


def find_records(
    identity: Any, field: str, values: Sequence[str], size: int, only_latest: bool = False
) -> Iterator[Document]:
    """Yield the published, not deleted records that an identity may read, with one of the values in a field.

    All in one request. Without `only_latest`, all versions are searched.
    """
    from invenio_rdm_records.proxies import current_rdm_records_service

    return _find(current_rdm_records_service, identity, field, values, size, allversions=not only_latest)


def find_communities(identity: Any, field: str, values: Sequence[str]) -> Iterator[Document]:
    """Yield the communities that an identity may see, with one of the values in a field, in one request."""
    from invenio_communities.proxies import current_communities

    return _find(current_communities.service, identity, field, values, len(values))


def find_items_of_user(user_id: str) -> list[str]:
    """Return the ids of all versions that a user owns, the newest first, in one request and without their metadata."""
    from invenio_access.permissions import system_identity

    return _find_ids(system_identity, "parent.access.owned_by.user", [user_id], MAX_HITS, "read_deleted")


def find_items_with_readable_files(identity: Any, item_ids: Sequence[str]) -> list[str]:
    """Return those of the versions of which the policy permits `read_files`, in one request."""
    return _find_ids(identity, "id", item_ids, len(item_ids), "read_files") if item_ids else []


def find_resource_types(type_ids: Sequence[str]) -> dict[str, str | None]:
    """Return DataCite's general type by the id of a resource type, in one request; resource types are public."""
    from invenio_access.permissions import system_identity
    from invenio_vocabularies.proxies import current_service

    found = current_service.read_many(system_identity, "resourcetypes", type_ids, fields=["id", "props"])
    return {entry["id"]: entry.get("props", {}).get("datacite_general") for entry in found.hits}


def _find_ids(identity: Any, field: str, values: Sequence[str], size: int, action: str) -> list[str]:
    """Return the ids of published versions of which the policy permits an action, the newest first."""
    from invenio_rdm_records.proxies import current_rdm_records_service as service
    from invenio_search.engine import dsl

    search = service.search_request(
        identity,
        {"allversions": True, "size": size, "sort": "newest"},
        service.record_cls,
        service.config.search,
        extra_filter=dsl.Q("terms", **{field: list(values)}),
        permission_action=action,
    )
    return [hit.id for hit in search.source(["id"]).execute()]


def _find(
    service: Any, identity: Any, field: str, values: Sequence[str], size: int, **params: Any
) -> Iterator[Document]:
    from invenio_search.engine import dsl

    if not values:
        return
    found = service.search(
        identity, params={"size": size, "page": 1, **params}, extra_filter=dsl.Q("terms", **{field: list(values)})
    )
    # `hits` would also build the links of each record and ask for permissions that nobody needs here.
    for hit in found._results:
        yield hit.to_dict()
