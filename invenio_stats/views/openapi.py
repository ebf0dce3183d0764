"""Describe the REST API for programs: OpenAPI 3.1, made from the configured queries."""

from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from flask import Response, jsonify, url_for
from flask.views import MethodView

from invenio_stats.exports.files import MEDIA_TYPES, formats
from invenio_stats.operations.monitoring import metrics
from invenio_stats.proxies import current_stats
from invenio_stats.queries.parameter_schemas import describe_parameters, summarize
from invenio_stats.views.answer_schemas import SCHEMAS, schema_of
from invenio_stats.views.caching import Caching, find_cache_control, make_etag, with_caching

Part = dict[str, Any]

_ERRORS = {
    "400": "A parameter is missing, unknown or wrong.",
    "401": "A visitor is not permitted to ask this.",
    "403": "The user is not permitted to ask this.",
    "404": "There is no such record, community or user, or the client may not know of it.",
    "406": "The answer has none of the formats in `Accept`.",
    "500": "The query cannot work as it is configured.",
    "503": "The search engine or the database does not answer, or not in time.",
}
_OF_POST = {
    "413": "The body is longer than STATS_QUERY_MAX_BODY_BYTES.",
    "415": "The body is not of type application/json.",
}
_HEADERS: Part = {
    name: {"schema": {"type": "string"}, "description": description}
    for name, description in {
        "Cache-Control": "How long the answer may be used again, and by whom.",
        "ETag": "The tag of the answer, for If-None-Match; absent if it may change unnoticed.",
        "Vary": "The headers of requests on which the answer depends.",
    }.items()
}


class OpenAPIResource(MethodView):
    """The description of the REST API."""

    def get(self) -> Response:
        """Return the OpenAPI document."""
        document = build_document(url_for("invenio_stats.stat_query"))
        caching = Caching(make_etag("openapi", document), find_cache_control(is_public=True))
        response = Response(status=304) if caching.is_known() else jsonify(document)
        return with_caching(response, caching)


def build_document(address: str) -> Part:
    """Return the description of the API whose list of queries is at this address."""
    server, _, root = address.rpartition("/")
    queries = {name: current_stats.get_query(name) for name in current_stats.queries}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Usage statistics",
            "version": version("invenio-stats"),
            "description": "Numbers about the use of records. Ask one query by GET, or several at once by POST.",
        },
        "servers": [{"url": server or "/"}],
        "paths": {
            f"/{root}": {"get": _list(), "post": _ask_several()},
            f"/{root}/openapi.json": {"get": _describe_itself()},
            f"/{root}/health": {"get": _health()},
            **({f"/{root}/metrics": {"get": _metrics()}} if metrics.is_available() else {}),
            **{f"/{root}/{quote(name, safe='')}": {"get": _ask(name, query)} for name, query in queries.items()},
        },
        "components": {"schemas": SCHEMAS, "parameters": {"format": _format()}},
    }


def _ask(name: str, query: Any) -> Part:
    content = {MEDIA_TYPES[known]: {"schema": {"type": "string"}} for known in formats()}
    content[MEDIA_TYPES["json"]] = _content(schema_of(query))
    return {
        "operationId": name,
        "summary": summarize(query),
        "parameters": [*describe_parameters(query), {"$ref": "#/components/parameters/format"}],
        "responses": {
            "200": {"description": "The answer.", "headers": _HEADERS, "content": content},
            "304": {"description": "The client has the answer already.", "headers": _HEADERS},
            **_errors(_ERRORS),
        },
    }


def _list() -> Part:
    listed = {"type": "object", "required": ["queries", "formats", "openapi"]}
    return {
        "operationId": "list",
        "summary": "The queries that the client may ask.",
        "responses": {
            "200": {"description": "The queries by name.", "content": {MEDIA_TYPES["json"]: {"schema": listed}}},
            **_errors({"406": _ERRORS["406"]}),
        },
    }


def _ask_several() -> Part:
    entry = {
        "type": "object",
        "required": ["stat"],
        "properties": {"stat": {"type": "string"}, "params": {"type": "object"}},
        "additionalProperties": False,
    }
    body = {"type": "object", "additionalProperties": entry, "maxProperties": 100}
    answers = {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Answer"}}
    return {
        "operationId": "ask",
        "summary": "The answers to several queries.",
        "requestBody": {"required": True, "content": {MEDIA_TYPES["json"]: {"schema": body}}},
        "responses": {
            "200": {"description": "The answers by key.", "content": {MEDIA_TYPES["json"]: {"schema": answers}}},
            **_errors({**_ERRORS, **_OF_POST}),
        },
    }


def _describe_itself() -> Part:
    return {
        "operationId": "openapi",
        "summary": "This description.",
        "responses": {
            "200": {
                "description": "An OpenAPI document.",
                "headers": _HEADERS,
                "content": {MEDIA_TYPES["json"]: {"schema": {"type": "object"}}},
            },
            "304": {"description": "The client has it already.", "headers": _HEADERS},
        },
    }


def _health() -> Part:
    content = {MEDIA_TYPES["json"]: _content("Health")}
    return {
        "operationId": "health",
        "summary": "Whether events are stored and totals counted, and what is wrong otherwise.",
        "responses": {
            "200": {"description": "Nothing is wrong.", "content": content},
            "503": {"description": "Something is wrong: `problems` says what.", "content": content},
            **_errors({status: _ERRORS[status] for status in ("401", "403")}),
        },
    }


def _metrics() -> Part:
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "operationId": "metrics",
        "summary": "The state of the pipeline for Prometheus.",
        "responses": {
            "200": {"description": "The metrics in Prometheus' text format.", "content": content},
            **_errors({status: _ERRORS[status] for status in ("401", "403")}),
        },
    }


def _format() -> Part:
    return {
        "name": "format",
        "in": "query",
        "required": False,
        "schema": {"type": "string", "enum": formats()},
        "description": "Format of the answer, in place of `Accept`; of a list, files have all rows.",
        "example": "csv",
    }


def _content(schema: str) -> Part:
    return {"schema": {"$ref": f"#/components/schemas/{schema}"}}


def _errors(described: dict[str, str]) -> Part:
    content = {MEDIA_TYPES["json"]: _content("Error")}
    return {status: {"description": text, "content": content} for status, text in described.items()}
