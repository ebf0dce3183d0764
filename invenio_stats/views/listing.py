"""List the queries that the client may ask."""

from typing import Any

from flask import url_for

from invenio_stats.errors import StatsError
from invenio_stats.exports.files import formats
from invenio_stats.permissions import user_id
from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import QueryRequest, check_permissions
from invenio_stats.queries.parameter_schemas import describe_parameters, summarize


def list_queries() -> dict[str, Any]:
    """Return the queries by name, each with what it answers, its address, its parameters and an example.

    A query is listed if it is permitted without parameters: about a user, with the id of the client.
    """
    return {
        "queries": {name: _describe(name) for name in current_stats.queries if _may_ask(name)},
        "formats": formats(),
        "openapi": url_for("invenio_stats.openapi"),
    }


def _describe(name: str) -> dict[str, Any]:
    query = current_stats.get_query(name)
    described = describe_parameters(query)
    required = {found["name"]: found.get("example", "...") for found in described if found["required"]}
    return {
        "summary": summarize(query),
        "href": url_for("invenio_stats.answer", query=name),
        "example": url_for("invenio_stats.answer", query=name, **required),
        "parameters": described,
    }


def _may_ask(name: str) -> bool:
    is_about_user = "user" in getattr(current_stats.get_query(name), "required_filters", ())
    params = {"user": user_id()} if is_about_user else {}
    try:
        check_permissions([QueryRequest(name, name, params)])
    except StatsError:
        return False
    except Exception:  # a factory that needs parameters cannot decide without them
        return False
    return True
