"""Answer several queries with one request to the search engine, after checking permission for all of them."""

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

from flask import current_app
from flask_babel import gettext as _
from invenio_search.engine import search

from invenio_stats.errors import InvalidRequestInputError, NoAnswerError, StatsError, UnknownQueryError
from invenio_stats.permissions import check_permission
from invenio_stats.proxies import current_stats
from invenio_stats.queries.parameters import quote, too_many_buckets
from invenio_stats.queries.prepared import PreparedQuery
from invenio_stats.search import steps
from invenio_stats.search.budget import Budget, OutOfBucketsError, OutOfTimeError, limited
from invenio_stats.search.client import ValuesRefusedError, multi_search
from invenio_stats.search.failures import TRANSIENT, classify_error
from invenio_stats.search.multi_get import UnreadableDocumentError
from invenio_stats.search.steps import Steps

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_SEARCHES_TOGETHER = 10
"""Number of searches in one multi-search; the budget is checked after each, so that not all answers are in memory."""


Outcome = Mapping[str, Any] | StatsError
"""The answer to an entry, or the error in place of it."""


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
    """Return the answers by key, with one multi-search for up to ten queries that allow it.

    Queries about usage take their steps together: one multi-search for each step, however many queries there are.
    Permission is checked for all entries before the first search: a NotPermittedError for one entry rejects all. An
    InvalidRequestInputError names the entry and its error; it is an UnknownQueryError if STATS_QUERIES lacks the query.
    Equal entries are answered once. STATS_QUERY_MAX_SECONDS and STATS_QUERY_MAX_BUCKETS limit all entries together.
    """
    entries = find_queries(entries)
    equal = {entry.key: _identify(entry) for entry in entries}
    different = list({equal[entry.key]: entry for entry in entries}.values())
    with within_budget(entry.name for entry in different) as budget:
        # First all permissions, then all parameters, then the search: an invalid entry of a prepared query costs no
        # search, and a user without permission does not learn which parameters a query has.
        check_permissions(different)
        answers = {equal[key]: _need_answer(outcome) for key, outcome in _answer_different(different, budget)}
    return {key: answers[question] for key, question in equal.items()}


def answer_each(entries: Sequence[QueryRequest]) -> dict[str, Outcome]:
    """Return the answer or the error of each entry, by key, with the same searches as `answer_all`.

    An entry that cannot be answered does not take the others with it, and costs no further request. The limits of a
    request are those of all entries together: NoAnswerError or InvalidRequestInputError if they do not suffice.
    """
    found: dict[str, Outcome] = {}
    permitted = []
    for entry in find_queries(entries):
        try:
            check_permissions([entry])
            permitted.append(entry)
        except StatsError as error:
            found[entry.key] = error
    with within_budget(entry.name for entry in permitted) as budget:
        return found | dict(_answer_different(permitted, budget))


def answer_permitted(entry: QueryRequest) -> Mapping[str, Any]:
    """Return the answer to an entry of `find_queries` that is permitted, within the limits for one request."""
    with within_budget([entry.name]) as budget:
        ((_key, outcome),) = _answer_different([entry], budget)
    return _need_answer(outcome)


def find_queries(entries: Sequence[QueryRequest]) -> list[QueryRequest]:
    """Return the entries with canonical parameters; UnknownQueryError if STATS_QUERIES lacks a query."""
    for entry in entries:
        with name_entry_in_errors(entry.key):
            if entry.name not in current_stats.queries:
                raise UnknownQueryError(entry.name)
    return [_canonical(entry) for entry in entries]


@contextmanager
def within_budget(names: Iterable[str]) -> Iterator[Budget]:
    """Limit all searches within the context by the settings; queries are named where they took too long."""
    seconds, buckets = (current_app.config[f"STATS_QUERY_MAX_{unit}"] for unit in ("SECONDS", "BUCKETS"))
    try:
        budget = Budget(seconds, buckets)
        with limited(budget):
            yield budget
    except OutOfBucketsError as error:
        raise too_many_buckets(buckets, error.buckets) from error
    except OutOfTimeError as error:
        logger.warning("Queries took too long", extra={"queries": sorted(set(names))})
        raise _took_too_long(seconds) from error


def _answer_different(entries: Sequence[QueryRequest], budget: Budget) -> Iterator[tuple[str, Outcome]]:
    """Yield keys and outcomes, within the budget: those of invalid entries before the first search is sent."""
    prepared: list[tuple[QueryRequest, PreparedQuery]] = []
    procedures: list[tuple[QueryRequest, Steps[Mapping[str, Any]]]] = []
    others: list[QueryRequest] = []
    for entry in entries:
        try:
            with name_entry_in_errors(entry.key):
                query = get_query(entry)
                if getattr(query, "can_prepare", False):
                    prepared.append((entry, query.prepare(**entry.params)))
                elif hasattr(query, "cached_steps"):
                    procedures.append((entry, query.cached_steps(entry.params)))
                else:
                    others.append(entry)
        except StatsError as error:
            yield entry.key, error
    budget.check_buckets(sum(query.max_buckets for _entry, query in prepared))
    for start in range(0, len(prepared), MAX_SEARCHES_TOGETHER):
        together = prepared[start : start + MAX_SEARCHES_TOGETHER]
        searchers = multi_search([query.request for _entry, query in together])
        for (entry, query), searcher in zip(together, searchers, strict=True):
            yield entry.key, _find_outcome(entry, partial(query.answer, searcher), budget)
    outcomes = steps.run(steps.together([_outcome_steps(*procedure, budget) for procedure in procedures]))
    yield from zip((entry.key for entry, _ in procedures), outcomes, strict=True)
    for entry in others:
        query = current_stats.get_query(entry.name)
        yield entry.key, _find_outcome(entry, partial(query.run, **entry.params), budget)


def _find_outcome(entry: QueryRequest, answer: Callable[[], Mapping[str, Any]], budget: Budget) -> Outcome:
    try:
        return answer_or_explain(entry, answer, budget)
    except StatsError as error:
        return _own_error(error)


def _outcome_steps(entry: QueryRequest, procedure: Steps[Mapping[str, Any]], budget: Budget) -> Steps[Outcome]:
    """Take the steps of a procedure; its error ends it alone, and those beside it go on."""
    try:
        with _explain(entry, budget):
            return (yield from procedure)
    except StatsError as error:
        return _own_error(error)


def _own_error(error: StatsError) -> StatsError:
    """Return the error of one entry; raise that of a limit, which is the limit of all."""
    if isinstance(error, OutOfTimeError | OutOfBucketsError):
        raise error
    return error


def _need_answer(outcome: Outcome) -> Mapping[str, Any]:
    """Return the answer, or raise the error in place of it."""
    if isinstance(outcome, StatsError):
        raise outcome
    return outcome


def _canonical(entry: QueryRequest) -> QueryRequest:
    """Return the entry with the parameters in the form in which permission is asked and in which they filter."""
    canonical_params = getattr(current_stats.get_query(entry.name), "canonical_params", dict)
    return entry._replace(params=canonical_params(entry.params))


def _identify(entry: QueryRequest) -> tuple[str, ...]:
    """Return what equal entries have in common."""
    try:
        return entry.name, repr(sorted(entry.params.items()))
    except RecursionError:  # lists in lists, as deep as the parser takes them: the query rejects them
        return (entry.key,)


def check_permissions(entries: Sequence[QueryRequest]) -> bool:
    """Check permission for all entries; True if everybody has it, so that one answer may serve several people."""
    for_everybody = True
    for entry in entries:
        # Both the instance's factory and the query's own must permit it.
        own = current_stats.queries[entry.name].permission_factory
        for factory in dict.fromkeys((current_stats.permission_factory, own)):
            for_everybody &= check_permission(factory, entry.name, entry.params)
    return for_everybody


def get_query(entry: QueryRequest) -> Any:
    """Return the query object; InvalidRequestInputError if its `run` cannot be called with the parameters."""
    query = current_stats.get_query(entry.name)
    try:
        _signature(type(query).run).bind(query, **entry.params)
    except TypeError as error:
        raise InvalidRequestInputError(_("params do not fit the query: %(error)s.", error=error)) from error
    return query


_signature = lru_cache(maxsize=100)(inspect.signature)


def answer_or_explain(entry: QueryRequest, answer: Callable[[], T], budget: Budget) -> T:
    """Return the answer to an entry; what the search engine could not do is a NoAnswerError or an OutOfTimeError."""
    with _explain(entry, budget):
        return answer()


@contextmanager
def _explain(entry: QueryRequest, budget: Budget) -> Iterator[None]:
    try:
        with name_entry_in_errors(entry.key):
            yield
    except (search.exceptions.TransportError, ValuesRefusedError, UnreadableDocumentError) as error:
        if budget.is_over():  # the engine cancelled the search, or the client did not wait for it
            raise OutOfTimeError("The deadline has passed.") from error
        logger.exception("A query got no answer", extra={"query": entry.name})
        raise _no_answer(entry, error) from error


def _no_answer(entry: QueryRequest, error: Exception) -> NoAnswerError:
    is_final = isinstance(error, ValuesRefusedError) or classify_error(error, may_be_blocked=False) is not TRANSIENT
    if is_final:
        return NoAnswerError(500, _("Query '%(name)s' cannot be answered as it is configured.", name=entry.name))
    return NoAnswerError(503, _("The search engine does not answer. Ask again later."))


def _took_too_long(seconds: float | None) -> NoAnswerError:
    return NoAnswerError(
        503,
        _(
            "There is no complete answer in time (STATS_QUERY_MAX_SECONDS is %(seconds)s). Send fewer queries at once, "
            "or choose longer intervals, or dates closer together.",
            seconds=seconds,
        ),
    )
