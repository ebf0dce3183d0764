"""Find the index of a month, and manage the lease of its compaction.

While a month is compacted, its target index carries a lease: a hidden alias with the owner and the time of its last
heartbeat. The target index is hidden from patterns and not behind the alias of the events, so that only the owner reads
and writes it. Replacing the lease takes ownership, and the former owner's next request fails.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from invenio_search.engine import OS, SEARCH_DISTRIBUTION, search
from invenio_search.utils import prefix_index

from invenio_stats.core import month_indices
from invenio_stats.errors import CompactionAtWorkError, CompactionError

IndexInfo = Mapping[str, Any]
"""The engine's description of an index: aliases, mappings, settings."""

MAX_HEARTBEAT_AGE = timedelta(minutes=10)
"""Time after the owner's last heartbeat at which a compaction is abandoned."""

# Elasticsearch before 7.11 does not know this parameter, and treats the removal of a missing alias as a success.
_MUST_EXIST = {"must_exist": True} if SEARCH_DISTRIBUTION == OS else {}


def month_index(client: Any, month: str) -> str | None:
    """Return the index behind the name of a month; None if there is no index or alias of that name.

    CompactionAtWorkError while the month is compacted: events written to the target index would not be read.
    """
    try:
        found = client.indices.get_alias(index=month)
    except search.exceptions.NotFoundError:
        return None
    index, about = next(iter(found.items()))
    if month_indices.find_lease(about["aliases"]):
        raise CompactionAtWorkError(month)
    return str(index)


def has_days(client: Any, month: str) -> bool:
    """Return True if a month has daily indices."""
    return any(index.startswith(f"{month}-") for index in client.indices.get_alias(index=f"{month}-*"))


def siblings(client: Any, month: str) -> dict[str, IndexInfo]:
    """Return the daily indices of a month, and the indices for the whole month, by name."""
    found: dict[str, IndexInfo] = client.indices.get(index=f"{month}*", expand_wildcards="all", flat_settings=True)
    alias = month[: -len("-YYYY-MM")]
    return {index: about for index, about in found.items() if month_indices.period(alias, index)}


def new_lease(month: str, now: datetime) -> str:
    """Return a unique lease for a compaction: the name of a hidden alias."""
    prefix = prefix_index("")
    return str(prefix_index(month_indices.lease_name(month.removeprefix(prefix), now, secrets.token_hex(4))))


def release_action(index: str, lease: str) -> dict[str, Any]:
    """Return the action that removes a lease; a request with this action fails if another process has replaced it."""
    return {"remove": {"index": index, "alias": lease, **_MUST_EXIST}}


def renew(client: Any, index: str, old: str, new: str) -> None:
    """Replace the lease of an index, for a heartbeat or to take ownership.

    CompactionError if another process has replaced it meanwhile.
    """
    if not client.indices.exists_alias(index=index, name=old):
        raise CompactionError(f"Another run has taken over the compaction into {index}. Let that run finish.")
    client.indices.update_aliases(
        body={"actions": [release_action(index, old), {"add": {"index": index, "alias": new}}]}
    )


def is_blocked(about: IndexInfo) -> bool:
    """Return True if writes to an index are blocked."""
    return str(about["settings"].get("index.blocks.write")).lower() == "true"


def block_writes(client: Any, index: str) -> None:
    """Block writes to an index, or to several separated by commas, and wait for pending ones."""
    try:
        client.indices.add_block(index=index, block="write")
    except search.exceptions.RequestError:  # the embedded engine has no such request and only one write at a time
        client.indices.put_settings(index=index, body={"index.blocks.write": True})


def allow_writes(client: Any, index: str) -> None:
    """Allow writes to an index again, or to several separated by commas; those that are gone are no failure."""
    client.indices.put_settings(index=index, body={"index.blocks.write": None}, ignore_unavailable=True, ignore=[404])


def abandon(client: Any, alias: str, index: str, lease: str, now: datetime) -> None:
    """Undo a compaction: allow writes to the daily indices again, and delete the target index.

    The owner of the compaction cannot continue after the first step. If the function is interrupted, it can be called
    again. CompactionError if another process has taken over, or the compaction has been completed.
    """
    named = month_indices.period(alias, index)
    if named is None:
        raise CompactionError(f"{index} is not an index for a month of {alias}.")
    month = f"{alias}-{named.month}"
    new = new_lease(month, now)
    renew(client, index, lease, new)  # first: from now on the owner's requests fail
    if any(month_indices.period(alias, name) for name in client.indices.get_alias(index=index)[index]["aliases"]):
        client.indices.delete_alias(index=index, name=new)
        raise CompactionError(f"The compaction into {index} has just been completed.")
    for name, about in siblings(client, month).items():
        if is_blocked(about):
            client.indices.put_settings(index=name, body={"index.blocks.write": None})
    client.indices.delete(index=index)  # last: the lease on it is what finds an interrupted call again


def abandon_stale(client: Any, alias: str, now: datetime) -> list[str]:
    """Abandon compactions whose owners are dead, so that late events can be stored; return their target indices."""
    abandoned = []
    for index, about in client.indices.get_alias(index=f"{alias}-*").items():
        lease = month_indices.find_lease(about["aliases"]) if month_indices.period(alias, index) else None
        if lease and now - month_indices.heartbeat_at(lease) > MAX_HEARTBEAT_AGE:
            abandon(client, alias, index, lease, now)
            abandoned.append(index)
    return abandoned
