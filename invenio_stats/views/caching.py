"""Say how long browsers and proxies may keep an answer, and recognise the one that they have."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from flask import Response, request
from flask_babel import get_locale

from invenio_stats.items.access import ANONYMOUS, current_identity
from invenio_stats.permissions import user_id
from invenio_stats.queries.states import digest, release
from invenio_stats.support.sessions import leave_session_out

PUBLIC_SECONDS = 300
"""How long an answer may be used again that is the same for everybody."""
NOT_KEPT = "private, no-store"
"""The header of an answer that nobody may keep."""
_SUFFIX = re.compile(r"(--?|;)(gzip|br|zstd|deflate)$")
"""What a server that compresses adds to a tag, such as Apache, and does not remove again."""
VARY = ("Accept", "Accept-Language", "Cookie", "Authorization")


class Caching(NamedTuple):
    """The headers of an answer that concern caches."""

    etag: str | None
    """Without quotes; None if the answer may change unnoticed."""
    cache_control: str

    def is_known(self) -> bool:
        """Return True if the client has this answer, compressed or not."""
        tags = request.if_none_match.as_set(include_weak=True)
        return self.etag is not None and any(self.etag == _SUFFIX.sub("", tag) for tag in tags if tag)


def find_caching(query: Any, params: Mapping[str, Any], media: str, for_everybody: bool, now: datetime) -> Caching:
    """Return the headers for the answer of a query; asks the search engine for the revision at most."""
    if getattr(query, "names_people", False):
        return Caching(None, NOT_KEPT)
    find_state = getattr(query, "state", None)
    state = find_state(params, now) if find_state else None
    etag = None if state is None else make_etag(query.name, sorted(params.items()), media, state)
    return Caching(etag, find_cache_control(for_everybody and state is not None))


def make_etag(*parts: Any) -> str:
    """Return the tag of what these parts, the viewer, the language and the release make."""
    return digest(release(), str(get_locale()), _viewer(), *parts)


def find_cache_control(is_public: bool) -> str:
    """Return the header: proxies may keep what is public, if an unknown visitor asked for it."""
    if is_public and user_id() is None and set(current_identity().provides) <= ANONYMOUS.provides:
        return f"public, max-age={PUBLIC_SECONDS}"
    return "private, max-age=0, must-revalidate"


def keep_if_whole(caching: Caching, answer: Mapping[str, Any]) -> Caching:
    """Return the headers of an answer: one without a part is not kept, since the part may be back in a moment."""
    return caching if answer.get("holdings_error") is None else Caching(None, NOT_KEPT)


def with_caching(response: Response, caching: Caching) -> Response:
    """Return the response with its headers."""
    response.headers["Cache-Control"] = caching.cache_control
    response.vary.update(VARY)
    if caching.cache_control.startswith("public"):
        leave_session_out()
    if caching.etag is not None:
        response.set_etag(caching.etag, weak=True)
    return response


def keep_no_error(response: Response) -> Response:
    """Return the response; an error that says nothing about caches may not be kept: the record may soon be there."""
    if response.status_code >= 400:
        response.headers.setdefault("Cache-Control", NOT_KEPT)
    return response


def _viewer() -> tuple[Any, ...]:
    """Return what distinguishes those who see different answers."""
    identity = current_identity()
    return user_id(), identity.id, sorted(map(repr, identity.provides))
