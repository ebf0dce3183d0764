"""Answer several queries in one request, POST /stats."""

import json
import math
from typing import Any

from flask import Response, abort, current_app, jsonify, request
from flask_babel import gettext as _
from invenio_rest import ContentNegotiatedMethodView
from invenio_rest.decorators import require_content_types

from invenio_stats.errors import InvalidRequestInputError, RequestTooLargeError
from invenio_stats.queries.batch import QueryRequest, answer_all, name_entry_in_errors
from invenio_stats.queries.parameters import quote
from invenio_stats.views.caching import Caching, find_cache_control, with_caching
from invenio_stats.views.listing import list_queries

MAX_QUERIES = 100
"""Maximal number of queries in one request."""


class StatsQueryResource(ContentNegotiatedMethodView):
    """The resource that lists queries, and answers several in one request."""

    view_name = "stat_query"

    def __init__(self, **kwargs: Any):
        """Serve answers as JSON."""
        super().__init__(
            serializers={"application/json": lambda answers, *args, **kwargs: jsonify(answers)},
            default_media_type="application/json",
            **kwargs,
        )

    def get(self, **kwargs: Any) -> Response:
        """List the queries that the client may ask, with their parameters."""
        return with_caching(self.make_response(list_queries()), Caching(None, find_cache_control(is_public=False)))

    @require_content_types("application/json")
    def post(self, **kwargs: Any) -> Response:
        """Answer `{key: {"stat": name, "params": {...}}}` with `{key: result}`.

        All entries are parsed and their permissions checked before the first search; one invalid entry rejects the
        whole request.
        """
        if self.match_serializers(*self.get_method_serializers("POST")) is None:
            abort(406)
        body = read_body(int(current_app.config["STATS_QUERY_MAX_BODY_BYTES"]))
        return self.make_response(answer_all(read_entries(body)))


def read_body(limit: int) -> bytes:
    """Return the body of the request; RequestTooLargeError without reading more of it than the limit."""
    length = request.content_length
    if length is not None:
        if length > limit:
            raise _too_large(str(length), limit)
        return request.get_data()  # which reads so many bytes
    body = b""
    while len(body) <= limit:  # a stream of chunks may return less than it is asked for
        part = request.stream.read(limit + 1 - len(body))
        if not part:
            return body
        body += part
    raise _too_large(_("more than %(limit)s", limit=limit), limit)


def _too_large(size: str, limit: int) -> RequestTooLargeError:
    return RequestTooLargeError(
        _(
            "The body has %(size)s bytes; at most %(limit)s are read (STATS_QUERY_MAX_BODY_BYTES). Send fewer queries "
            "at once, or shorter parameters.",
            size=size,
            limit=limit,
        )
    )


def read_entries(body: bytes) -> list[QueryRequest]:
    """Return the entries of a request's body; an InvalidRequestInputError names the part that is invalid."""
    try:
        entries = json.loads(body, object_pairs_hook=_object, parse_constant=_number, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestInputError(
            _('The body is not valid JSON. Send {key: {"stat": name, "params": {...}}}.')
        ) from error
    if not isinstance(entries, dict):
        raise InvalidRequestInputError(
            _('The body is %(value)s. Send an object: {key: {"stat": name, "params": {...}}}.', value=quote(entries))
        )
    if len(entries) > MAX_QUERIES:
        raise InvalidRequestInputError(
            _("The body has %(count)s entries. Send at most %(limit)s at once.", count=len(entries), limit=MAX_QUERIES)
        )
    parsed = []
    for key, entry in entries.items():
        with name_entry_in_errors(key):
            parsed.append(_read_entry(key, entry))
    return parsed


def _read_entry(key: str, entry: Any) -> QueryRequest:
    if not isinstance(entry, dict):
        raise InvalidRequestInputError(
            _('the entry is %(value)s. Send an object: {"stat": name, "params": {...}}.', value=quote(entry))
        )
    unknown = sorted(set(entry) - {"stat", "params"})
    if unknown:
        raise InvalidRequestInputError(
            _("the entry has unknown keys: %(names)s. Known ones: params, stat.", names=quote(unknown))
        )
    stat, params = entry.get("stat"), entry.get("params", {})
    if not isinstance(stat, str):
        raise InvalidRequestInputError(_("stat is %(stat)s. Send the name of a query.", stat=quote(stat)))
    if not isinstance(params, dict):
        raise InvalidRequestInputError(_("params is %(params)s. Send an object of parameters.", params=quote(params)))
    return QueryRequest(key, stat, params)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of the body; InvalidRequestInputError for a repeated key, whose first value would be lost."""
    parsed: dict[str, Any] = {}
    for key, value in pairs:
        if key in parsed:
            raise InvalidRequestInputError(_("The body has %(key)s twice in one object. Send it once.", key=quote(key)))
        parsed[key] = value
    return parsed


def _number(text: str) -> float:
    """Return a number that is not an integer; InvalidRequestInputError for NaN, Infinity and numbers too large."""
    number = float(text)
    if not math.isfinite(number):
        raise InvalidRequestInputError(
            _(
                "The body contains %(text)s, which is not a number in JSON or too large. Send a smaller number.",
                text=quote(text),
            )
        )
    return number
