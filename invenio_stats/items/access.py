"""Ask the instance who may read what, who owns and manages what, and how ids belong together."""

import logging
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from celery.exceptions import SoftTimeLimitExceeded
from flask import g, has_request_context, request

from invenio_stats.items.metadata import batches
from invenio_stats.privacy.error_texts import traceback_of

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_ITEMS_OF_USER = 10_000
"""Maximal number of items of one user; later ones are left out."""

_ANSWERS = "invenio_stats.access"
"""Key of the answers of one request in its WSGI environment, each with the arguments, which thus keep their ids."""

Identity = Any
"""An identity of Flask-Principal: `id` and `provides`, the set of needs."""


class Need(NamedTuple):
    """A need of Flask-Principal, which is equal to one of its own; the package does not require that module."""

    method: str
    value: str


class FixedIdentity(NamedTuple):
    """An identity that belongs to no user."""

    id: str | None
    provides: frozenset[Need]


_SYSTEM_NEED = Need("system_role", "system_process")
"""The need of invenio-access' own system identity."""

SYSTEM = FixedIdentity("system", frozenset({_SYSTEM_NEED}))
"""The identity of commands and tasks, which may read everything."""

ANONYMOUS = FixedIdentity(None, frozenset({Need("system_role", "any_user")}))
"""The identity of a visitor who is not signed in."""


def is_system(identity: Identity) -> bool:
    """Return True for the identity of commands and tasks, ours or that of invenio-access."""
    return _SYSTEM_NEED in getattr(identity, "provides", ())


def current_identity() -> Identity:
    """Return the identity of the current request; ANONYMOUS if nobody is signed in, or without Flask-Principal."""
    return (getattr(g, "identity", None) if has_request_context() else None) or ANONYMOUS


class Community(NamedTuple):
    """A community: records that somebody manages together."""

    id: str
    """The label of its records in events and totals."""
    slug: str
    title: str


class ItemIds(NamedTuple):
    """The ids that totals of a record have."""

    item_id: str | None
    """None if the id that was asked for is that of a parent."""
    parent_id: str


class Access(Protocol):
    """`STATS_ACCESS`: what the instance knows about its records, communities and users.

    An id of a record is that of an item or that of a parent, which stands for its newest version that the asker may
    read. At most 500 ids are asked for at once. Ids of users are texts. What an object does not know it leaves out; if
    a method raises, the error is logged and nothing is known.
    """

    def readable_items(self, identity: Identity, ids: Sequence[str]) -> set[str]:
        """Return those of the ids whose records the identity may read."""

    def shown_items(self, identity: Identity, ids: Sequence[str]) -> dict[str, str]:
        """Return, for each id that may be read, the item that stands for it.

        The method may be missing if no id is that of a parent: then each stands for itself.
        """

    def community(self, slug_or_label: str) -> Community | None:
        """Return a community, whoever may see it."""

    def may_see_community(self, identity: Identity, community_id: str) -> bool:
        """Return whether the identity may see a community."""

    def manages_community(self, identity: Identity, community_id: str) -> bool:
        """Return whether the identity is an owner or manager of a community."""

    def is_administrator(self, identity: Identity) -> bool:
        """Return whether the identity administers the instance."""

    def items_of(self, user_id: str) -> list[str]:
        """Return the items that a user owns now, at most MAX_ITEMS_OF_USER."""

    def owners(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the ids of the users who own a record."""

    def item_of(self, pid_or_id: str) -> ItemIds | None:
        """Return the ids in totals of a record, asked for by its persistent identifier or its internal id."""

    def versions(self, parent_id: str) -> list[str]:
        """Return the items of all published versions, the oldest first."""

    def files(self, item_ids: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
        """Return keys and sizes in bytes of the current files, whoever may read them."""

    def buckets(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the id of the bucket of each item's files.

        Older totals of downloads may know their record by nothing else. The method may be missing if they do.
        """

    def items_with_readable_files(self, identity: Identity, item_ids: Sequence[str]) -> set[str]:
        """Return those of the items whose files the identity may read.

        The method may be missing if whoever may read a record may read its files.
        """

    def communities(self, identity: Identity, labels: Sequence[str]) -> dict[str, str]:
        """Return the titles of those communities that the identity may see."""

    def user_names(self, user_ids: Sequence[str]) -> dict[str, str]:
        """Return names of users, never addresses of mail."""

    def holdings(self) -> Any:
        """Return the `items.holdings.Holdings`, for questions to the database.

        The method may be missing if there is no database: then the queries about holdings are absent.
        """


_OPTIONAL = {"shown_items", "buckets", "items_with_readable_files", "holdings"}
REQUIRED_METHODS = tuple(name for name in vars(Access) if not name.startswith("_") and name not in _OPTIONAL)
"""What the object in `STATS_ACCESS` must have."""


class CheckedAccess:
    """The object in `STATS_ACCESS`, asked in batches; what raises is logged and is not known.

    Methods and results are those of `Access`, but any number of ids may be given, as any iterable. The identity of
    commands and tasks administers the instance and sees every community.
    """

    def __init__(self, access: Access | None):
        """Ask this object; None if nothing is known about any record."""
        self._access = access

    def readable_items(self, identity: Identity, ids: Iterable[str]) -> set[str]:
        """Return those of the ids whose records the identity may read."""
        return self._select("readable_items", identity, ids)

    def shown_items(self, identity: Identity, ids: Iterable[str]) -> dict[str, str]:
        """Return, for each id that may be read, the item that stands for it."""
        if not hasattr(self._access, "shown_items"):
            return {readable: readable for readable in self.readable_items(identity, ids)}
        return self._ask_for_each("shown_items", str, ids, identity)

    def community(self, slug_or_label: str) -> Community | None:
        """Return a community, whoever may see it."""
        return self._ask("community", _read_community, slug_or_label) if _can_be_id(slug_or_label) else None

    def may_see_community(self, identity: Identity, community_id: str) -> bool:
        """Return whether the identity may see a community."""
        return is_system(identity) or self._ask("may_see_community", bool, identity, community_id)

    def manages_community(self, identity: Identity, community_id: str) -> bool:
        """Return whether the identity is an owner or manager of a community."""
        return is_system(identity) or self._ask("manages_community", bool, identity, community_id)

    def is_administrator(self, identity: Identity) -> bool:
        """Return whether the identity administers the instance."""
        return is_system(identity) or self._ask("is_administrator", bool, identity)

    def items_of(self, user_id: str | int) -> list[str]:
        """Return the items that a user owns now, at most MAX_ITEMS_OF_USER."""
        return self._ask("items_of", _read_ids, str(user_id)) if _can_be_id(str(user_id)) else []

    def owners(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """Return the ids of the users who own a record."""
        return self._ask_for_each("owners", _read_ids, ids)

    def item_of(self, pid_or_id: str) -> ItemIds | None:
        """Return the ids in totals of a record, asked for by its persistent identifier or its internal id."""
        return self._ask("item_of", _read_item, pid_or_id) if _can_be_id(pid_or_id) else None

    def versions(self, parent_id: str) -> list[str]:
        """Return the items of all published versions, the oldest first."""
        return self._ask("versions", _read_ids, parent_id)

    def files(self, item_ids: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        """Return keys and sizes in bytes of the current files, whoever may read them."""
        return self._ask_for_each("files", _read_files, item_ids)

    def buckets(self, item_ids: Iterable[str]) -> dict[str, str]:
        """Return the id of the bucket of each item's files."""
        return self._ask_for_each("buckets", str, item_ids) if self.has_buckets else {}

    @property
    def has_buckets(self) -> bool:
        """Whether `buckets` can be asked."""
        return hasattr(self._access, "buckets")

    def items_with_readable_files(self, identity: Identity, item_ids: Iterable[str]) -> set[str]:
        """Return those of the items whose files the identity may read."""
        is_asked = hasattr(self._access, "items_with_readable_files")
        return self._select("items_with_readable_files" if is_asked else "readable_items", identity, item_ids)

    def communities(self, identity: Identity, labels: Iterable[str]) -> dict[str, str]:
        """Return the titles of those communities that the identity may see."""
        return self._ask_for_each("communities", str, labels, identity)

    def user_names(self, user_ids: Iterable[str | int]) -> dict[str, str]:
        """Return names of users, never addresses of mail."""
        return self._ask_for_each("user_names", str, map(str, user_ids))

    @property
    def has_holdings(self) -> bool:
        """Whether `holdings` can be asked."""
        return hasattr(self._access, "holdings")

    def holdings(self) -> Any:
        """Return the selections of holdings in the database; an error is that of the question."""
        return cast(Access, self._access).holdings()

    def _select(self, method: str, identity: Identity, ids: Iterable[str]) -> set[str]:
        return {
            asked
            for batch in batches(_possible(ids))
            for asked in self._ask(method, set, identity, batch).intersection(batch)
        }

    def _ask_for_each(self, method: str, read: Callable[[Any], T], ids: Iterable[str], *before: Any) -> dict[str, T]:
        """Return what is known of each id, as `read` makes it."""
        found: dict[str, T] = {}
        for batch in batches(_possible(ids)):

            def read_known(answer: Any = (), batch: Sequence[str] = batch) -> dict[str, T]:
                known = dict(answer)
                return {asked: read(known[asked]) for asked in batch if known.get(asked) is not None}

            found |= self._ask(method, read_known, *before, batch)
        return found

    def _ask(self, method: str, read: Callable[..., T], *args: Any) -> T:
        """Return the answer as `read` makes it; `read()` is the answer if nothing is known.

        In a web request, each question is asked once: the queries of a page are all about the same record.
        """
        answers = request.environ.setdefault(_ANSWERS, {}) if has_request_context() else {}
        question = (method, *map(_identify, args))
        if question not in answers:
            answers[question] = self._ask_instance(method, read, *args), args
        return copy(answers[question][0])  # type: ignore[no-any-return]

    def _ask_instance(self, method: str, read: Callable[..., T], *args: Any) -> T:
        if self._access is None:
            return read()
        try:
            answer = getattr(self._access, method)(*args)
            return read() if answer is None else read(answer)
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            facts = {"method": method, "error": type(error).__name__}
            logger.error("Error asking STATS_ACCESS", exc_info=traceback_of(error), extra=facts)
            return read()


def _can_be_id(text: str) -> bool:
    """Return False for a text that no store takes: the error of each is no error of the object that is asked."""
    return "\0" not in text and (text.isascii() or text == text.encode("utf-8", "replace").decode())


def _possible(ids: Iterable[Any]) -> Iterable[Any]:
    return (asked for asked in ids if _can_be_id(str(asked)))


def _identify(arg: Any) -> Any:
    """Return what equal arguments have in common: ids are compared by value, identities are the same or not."""
    return tuple(arg) if isinstance(arg, list) else arg if isinstance(arg, str) else id(arg)


def _read_ids(ids: Iterable[Any] = ()) -> list[str]:
    if isinstance(ids, str):
        raise TypeError("a text in place of a list")
    return [str(found) for found in islice(ids, MAX_ITEMS_OF_USER)]


def _read_files(files: Iterable[tuple[Any, Any]]) -> list[tuple[str, int]]:
    return [(str(key), int(size)) for key, size in files]


def _read_community(community: Community | None = None) -> Community | None:
    return community and Community(str(community.id), str(community.slug), str(community.title))


def _read_item(ids: tuple[str | None, str] | None = None) -> ItemIds | None:
    if isinstance(ids, str):
        raise TypeError("a text in place of two ids")
    if ids is None:
        return None
    item_id, parent_id = ids
    return ItemIds(None if item_id is None else str(item_id), str(parent_id))
