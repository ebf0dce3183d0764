"""Describe the requestors of the COUNTER API, and recognise them by their keys."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from invenio_stats.core.customers import THE_WORLD, Customer

KEY_BYTES = 32
"""Random bytes of a requestor_id and of an api_key."""

ALL_CUSTOMERS = "all"
"""In place of customer ids: a requestor of all customers."""

MAX_KEY_CHARACTERS = 200
"""Keys of ours have 43; a longer one is not compared."""


class Requestor(NamedTuple):
    """A program with credentials for the COUNTER API: a document of `stats-counter-requestors`."""

    name: str
    customers: tuple[str, ...]
    """Ids of its customers, or `all` alone."""
    requestor_hash: str
    api_key_hash: str = ""
    """"" if it has no api_key."""
    has_countries: bool = False
    """Whether it may see Country_Code."""
    created: str = ""
    """Moment, ISO 8601 with time zone."""
    revoked: str = ""
    """Moment in the same form; "" as long as the credentials are valid."""
    id: str = ""
    """Id of its document. It is no secret."""

    @classmethod
    def from_source(cls, source: Mapping[str, Any], document_id: str) -> "Requestor":
        """Return the requestor in a stored document."""
        known = {field: source[field] for field in cls._fields if field in source}
        return cls(**{**known, "customers": tuple(source["customers"]), "id": document_id})

    def as_source(self) -> dict[str, Any]:
        """Return the document to store."""
        return {field: value for field, value in self._asdict().items() if field != "id"}

    def may_ask(self, customer_id: str, customers: Mapping[str, Customer]) -> bool:
        """Return True for a customer of its own, a member of one, and The World, which is for every requestor."""
        if customer_id == THE_WORLD:
            return True
        if customer_id not in customers:
            return False
        return self.customers == (ALL_CUSTOMERS,) or customer_id in _with_members(self.customers, customers)


def _with_members(customer_ids: Iterable[str], customers: Mapping[str, Customer]) -> set[str]:
    found: set[str] = set()
    waiting = list(customer_ids)
    while waiting:
        customer_id = waiting.pop()
        if customer_id not in found:
            found.add(customer_id)
            waiting += customers[customer_id].members if customer_id in customers else ()
    return found


def make_key() -> str:
    """Return a new random key."""
    return secrets.token_urlsafe(KEY_BYTES)


def hash_key(key: str) -> str:
    """Return what is stored of a key. It is as random as it is long, so that a fast hash cannot be reversed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def find_by_requestor_id(requestors: Iterable[Requestor], requestor_id: str) -> Requestor | None:
    """Return the requestor with this requestor_id that is not revoked; the time does not tell how much of it is right.

    All hashes are compared, also after one was found.
    """
    return _find(((requestor.requestor_hash, requestor) for requestor in requestors), requestor_id)


def find_by_api_key(requestors: Iterable[Requestor], api_key: str) -> Requestor | None:
    """Return the requestor with this api_key that is not revoked, in the same way."""
    return _find(((requestor.api_key_hash, requestor) for requestor in requestors), api_key)


def _find(stored: Iterable[tuple[str, Requestor]], key: str) -> Requestor | None:
    if len(key) > MAX_KEY_CHARACTERS:
        return None
    given, found = hash_key(key), None
    for key_hash, requestor in stored:
        if hmac.compare_digest(key_hash, given) and not requestor.revoked:
            found = requestor
    return found
