"""Answer several queries with one request to the search engine, after checking permission for all of them."""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, NamedTuple

from flask_babel import gettext as _
from invenio_search.engine import search

from invenio_stats.errors import InvalidRequestInputError, NoAnswerError, UnknownQueryError
from invenio_stats.permissions import check_permission
from invenio_stats.proxies import current_stats
from invenio_stats.queries.parameters import quote
from invenio_stats.queries.prepared import PreparedQuery
from invenio_stats.search.client import ValuesRefusedError, multi_search
from invenio_stats.search.failures import TRANSIENT, classify_error

logger = logging.getLogger(__name__)


class QueryRequest(NamedTuple):
    """A request for the result of one query."""

    key: str
    """Key of the result in the answers."""
    name: str
    """Name of the query in STATS_QUERIES."""
    params: dict[str, Any]


@contextmanager
def name_entry_in_errors(key: str) -> Iterator[None]:
    """Prefix the description of an InvalidRequestInputError with the key of the entry."""
    try:
        yield
    except InvalidRequestInputError as error:
        error.description = f"{quote(key)}: {error.description}"
        raise


def answer_all(entries: Sequence[QueryRequest]) -> dict[str, Mapping[str, Any]]:
    """Return the answers by key, with one multi-search for all queries that allow it.

    Permission is checked for all entries before the first search: a NotPermittedError for one entry rejects all. An
    InvalidRequestInputError names the entry and its error; it is an UnknownQueryError if STATS_QUERIES lacks the query.
    """
    for entry in entries:
        with name_entry_in_errors(entry.key):
            if entry.name not in current_stats.queries:
                raise UnknownQueryError(entry.name)
    # First all permissions, then all parameters, then the search: an invalid entry of a prepared query costs no search,
    # and a user without permission does not learn which parameters a query has.
    _check_permissions(entries)
    prepared: dict[str, PreparedQuery] = {}
    for entry in entries:
        with name_entry_in_errors(entry.key):
            query = get_query(entry)
            if getattr(query, "can_prepare", False):
                prepared[entry.key] = query.prepare(**entry.params)
    searchers = dict(zip(prepared, multi_search([query.request for query in prepared.values()]), strict=True))
    answers = {}
    for entry in entries:
        run: Callable[[], Mapping[str, Any]] = partial(current_stats.get_query(entry.name).run, **entry.params)
        if entry.key in prepared:
            run = partial(prepared[entry.key].answer, searchers[entry.key])
        with name_entry_in_errors(entry.key):
            answers[entry.key] = _answer(entry, run)
    return answers


def _check_permissions(entries: Sequence[QueryRequest]) -> None:
    for entry in entries:
        # Both the instance's factory and the query's own must permit it.
        own = current_stats.queries[entry.name].permission_factory
        for factory in dict.fromkeys((current_stats.permission_factory, own)):
            check_permission(factory, entry.name, entry.params)


def get_query(entry: QueryRequest) -> Any:
    """Return the query object; InvalidRequestInputError if its `run` cannot be called with the parameters."""
    query = current_stats.get_query(entry.name)
    try:
        _signature(type(query).run).bind(query, **entry.params)
    except TypeError as error:
        raise InvalidRequestInputError(_("params do not fit the query: %(error)s.", error=error)) from error
    return query


_signature = lru_cache(maxsize=100)(inspect.signature)


def _answer(entry: QueryRequest, run: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    try:
        return run()
    except (search.exceptions.TransportError, ValuesRefusedError) as error:
        logger.exception("A query got no answer", extra={"query": entry.name})
        raise _no_answer(entry, error) from error


def _no_answer(entry: QueryRequest, error: Exception) -> NoAnswerError:
    is_final = isinstance(error, ValuesRefusedError) or classify_error(error, may_be_blocked=False) is not TRANSIENT
    if is_final:
        return NoAnswerError(500, _("Query '%(name)s' cannot be answered as it is configured.", name=entry.name))
    return NoAnswerError(503, _("The search engine does not answer. Ask again later."))
