"""Store the requestors of the COUNTER API; of their keys, only hashes."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from flask import current_app
from invenio_search.engine import search as engine
from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.counter_requestors import Requestor, find_by_api_key, find_by_requestor_id, hash_key, make_key
from invenio_stats.core.moments import iso_zoned, to_second
from invenio_stats.errors import StatsError
from invenio_stats.search.client import COMPLETE, SearchRequest, search
from invenio_stats.search.indices import create_index

MAX_AGE_SECONDS = 30.0
"""For how long a process works with the requestors that it has read: a revoked one is out within a minute."""

MIN_AGE_SECONDS = 2.0
"""After which they are read again for a key that is not among them: a new requestor is known at once."""

_MAX_REQUESTORS = 10_000
_BODY: mappings.Body = {
    "settings": mappings.INDEX_SETTINGS,
    "mappings": {"dynamic": False, "properties": {"name": mappings.KEYWORD, "created": mappings.STAMP}},
}
"""Other fields are stored, and nothing searches for them."""
_EXTENSION = "invenio-stats-counter-requestors"


class KnownNameError(StatsError):
    """There is a requestor of this name."""


class NewRequestor(NamedTuple):
    """A requestor with its keys, which are known at this moment only."""

    requestor: Requestor
    requestor_id: str
    api_key: str
    """"" if it has none."""


def add_requestor(
    client: Any, name: str, customers: Sequence[str], now: datetime, has_key: bool, has_countries: bool
) -> NewRequestor:
    """Store a new requestor and return it with its keys; KnownNameError if one of that name is not revoked."""
    if any(requestor.name == name and not requestor.revoked for requestor in fetch_requestors(client)):
        raise KnownNameError(f"There is a requestor named {name!r}. Choose another name, or revoke that one first.")
    requestor_id, api_key = make_key(), make_key() if has_key else ""
    requestor = Requestor(
        name,
        tuple(customers),
        hash_key(requestor_id),
        hash_key(api_key) if api_key else "",
        has_countries,
        iso_zoned(to_second(now)),
        id=uuid4().hex[:12],
    )
    index = prefix_index(names.COUNTER_REQUESTORS)
    create_index(client, index, _BODY)
    client.index(index=index, id=requestor.id, body=requestor.as_source(), op_type="create", refresh=True)
    return NewRequestor(requestor, requestor_id, api_key)


def revoke_requestors(client: Any, name: str, now: datetime) -> list[Requestor]:
    """Revoke the requestors with this name or id, and return those that were not revoked before."""
    found = [
        requestor
        for requestor in fetch_requestors(client)
        if name in (requestor.name, requestor.id) and not requestor.revoked
    ]
    revoked = [requestor._replace(revoked=iso_zoned(to_second(now))) for requestor in found]
    for requestor in revoked:
        index = prefix_index(names.COUNTER_REQUESTORS)
        client.index(index=index, id=requestor.id, body=requestor.as_source(), refresh=True)
    return revoked


def fetch_requestors(client: Any) -> list[Requestor]:
    """Return all requestors, also revoked ones, in the order in which they were made.

    An index that cannot be read is an error: without requestors, each would be told that it is unknown.
    """
    body = {"size": _MAX_REQUESTORS, "query": {"match_all": {}}}
    try:
        hits = search(SearchRequest(client, prefix_index(names.COUNTER_REQUESTORS), body, COMPLETE))["hits"]["hits"]
    except engine.exceptions.NotFoundError:
        return []
    found = [Requestor.from_source(hit["_source"], hit["_id"]) for hit in hits]
    return sorted(found, key=lambda requestor: (requestor.created, requestor.name))


class _Read(NamedTuple):
    moment: float
    requestors: list[Requestor]


class KnownRequestors:
    """The requestors as this process has last read them."""

    def __init__(self, fetch: Callable[[], list[Requestor]], clock: Callable[[], float] = time.monotonic):
        """Read nothing yet."""
        self._fetch = fetch
        self._clock = clock
        self._read: _Read | None = None

    def find_by_requestor_id(self, requestor_id: str) -> Requestor | None:
        """Return the requestor with this requestor_id; None if it is unknown or revoked."""
        return self._find(find_by_requestor_id, requestor_id)

    def find_by_api_key(self, api_key: str) -> Requestor | None:
        """Return the requestor with this api_key; None if it is unknown or revoked."""
        return self._find(find_by_api_key, api_key)

    def _find(self, find: Callable[[list[Requestor], str], Requestor | None], key: str) -> Requestor | None:
        found = find(self._get(MAX_AGE_SECONDS), key)
        return found or find(self._get(MIN_AGE_SECONDS), key)

    def _get(self, max_age: float) -> list[Requestor]:
        now, read = self._clock(), self._read
        if read is None or now - read.moment >= max_age:
            self._read = read = _Read(now, self._fetch())  # its age is counted from before the request
        return read.requestors


def known_requestors(client: Any) -> KnownRequestors:
    """Return the requestors as this process knows them."""
    known: KnownRequestors = current_app.extensions.setdefault(
        _EXTENSION, KnownRequestors(lambda: fetch_requestors(client))
    )
    return known
