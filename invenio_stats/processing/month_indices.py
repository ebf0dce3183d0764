"""Months: where the events of a day belong, and whether somebody is making one index of the days just now.

An index in the making carries a mark, an alias that names its maker and his last sign of life. It is not behind the
alias of the events, and no pattern finds it: nobody reads or writes it but its maker. Whoever changes the mark takes
the index from him: his next step fails.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from invenio_search.engine import OS, SEARCH_DISTRIBUTION, search
from invenio_search.utils import prefix_index

from invenio_stats.core import month_indices
from invenio_stats.errors import CompactionAtWorkError, CompactionError

About = Mapping[str, Any]
"""What the engine says of an index: aliases, mappings, settings."""

STALE = timedelta(minutes=10)
"""How long after its maker's last sign of life an index in the making is given up."""

# Elasticsearch before 7.11 does not know the word, and takes the absence of an alias for its removal.
_MUST_EXIST = {"must_exist": True} if SEARCH_DISTRIBUTION == OS else {}


def month_index(client: Any, month: str) -> str | None:
    """Return the index behind the name of a month; None where there is no such name.

    CompactionAtWorkError while it is in the making: what is written to it then would not be read.
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
    """Say whether days of a month have indices of their own."""
    return any(index.startswith(f"{month}-") for index in client.indices.get_alias(index=f"{month}-*"))


def siblings(client: Any, month: str) -> dict[str, About]:
    """Return everything that holds events of a month, by name: its days, and indices of all of it."""
    found: dict[str, About] = client.indices.get(index=f"{month}*", expand_wildcards="all", flat_settings=True)
    alias = month[: -len("-YYYY-MM")]
    return {index: about for index, about in found.items() if month_indices.period(alias, index)}


def new_lease(month: str, now: datetime) -> str:
    """Return a mark for an index in the making that nobody else can have."""
    prefix = prefix_index("")
    return str(prefix_index(month_indices.lease_name(month.removeprefix(prefix), now, secrets.token_hex(4))))


def release_action(index: str, lease: str) -> dict[str, Any]:
    """Return the action that takes a mark away; the request that holds it fails when it is not there any more."""
    return {"remove": {"index": index, "alias": lease, **_MUST_EXIST}}


def renew(client: Any, index: str, old: str, new: str) -> None:
    """Change the mark of an index: a sign of life of its maker, or the end of his work.

    CompactionError where somebody else has changed it.
    """
    if not client.indices.exists_alias(index=index, name=old):
        raise CompactionError(f"Another run has taken the making of {index} over. Let that one finish.")
    client.indices.update_aliases(
        body={"actions": [release_action(index, old), {"add": {"index": index, "alias": new}}]}
    )


def is_blocked(about: About) -> bool:
    """Say whether an index refuses writes."""
    return str(about["settings"].get("index.blocks.write")).lower() == "true"


def abandon(client: Any, alias: str, index: str, lease: str, now: datetime) -> None:
    """Undo the making of an index: the days can be written to again, and it is gone.

    Its maker cannot go on from the first step on. Interrupted anywhere, it can be done again. CompactionError where
    there is nothing to be undone: somebody else does it, or the maker has come to the end.
    """
    named = month_indices.period(alias, index)
    if named is None:
        raise CompactionError(f"{index} is no index of a month of {alias}.")
    month = f"{alias}-{named.month}"
    new = new_lease(month, now)
    renew(client, index, lease, new)
    if any(month_indices.period(alias, name) for name in client.indices.get_alias(index=index)[index]["aliases"]):
        client.indices.delete_alias(index=index, name=new)
        raise CompactionError(f"{index} has just been finished: its days are names of it.")
    for name, about in siblings(client, month).items():
        if is_blocked(about):
            client.indices.put_settings(index=name, body={"index.blocks.write": None})
    client.indices.delete(index=index)


def abandon_stale(client: Any, alias: str, now: datetime) -> list[str]:
    """Give up the indices in the making whose makers are dead, so that late events are stored; return their names."""
    given_up = []
    for index, about in client.indices.get_alias(index=f"{alias}-*").items():
        lease = month_indices.find_lease(about["aliases"]) if month_indices.period(alias, index) else None
        if lease and now - month_indices.heartbeat_at(lease) > STALE:
            abandon(client, alias, index, lease, now)
            given_up.append(index)
    return given_up
