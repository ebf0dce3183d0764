"""Describe what configured queries answer, and the parameters that they accept."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from invenio_stats.queries import DateHistogramQuery, TermsQuery


class QueryDescription(NamedTuple):
    """What a query answers, and its parameters by name."""

    kind: Literal["histogram", "total", "custom"]
    """`custom` is a query of a class that is neither of ours nor derived from one."""
    metrics: tuple[str, ...]
    groups: tuple[str, ...]
    """Fields by which a total is grouped, the outermost first."""
    required: tuple[str, ...]
    optional: tuple[str, ...]
    accepts_others: bool
    """Whether the query accepts parameters of any name: a modifier, or a method of its class, receives them."""


_OURS = (DateHistogramQuery.run, DateHistogramQuery.build_query, TermsQuery.run, TermsQuery.build_query)
"""They check `**params` against the names that filters and modifiers accept."""


def describe(query: Any) -> QueryDescription:
    """Return the description of a query, an object that `current_stats.get_query` returns."""
    is_required = {
        **dict.fromkeys(getattr(query, "optional_filters", ()), False),
        **dict.fromkeys(getattr(query, "required_filters", ()), True),
    }
    accepts_others = False
    for parameter in _parameters(query):
        if parameter.kind is parameter.VAR_KEYWORD:
            accepts_others = True
        else:
            is_required.setdefault(parameter.name, parameter.default is parameter.empty)
    return QueryDescription(
        kind=_kind(query),
        metrics=tuple(getattr(query, "metric_fields", ())),
        groups=tuple(getattr(query, "aggregated_fields", ())),
        required=tuple(name for name, required in is_required.items() if required),
        optional=tuple(name for name, required in is_required.items() if not required),
        accepts_others=accepts_others,
    )


def _parameters(query: Any) -> Iterator[inspect.Parameter]:
    """Yield the parameters of `run`, and of the functions to which it passes what is neither interval nor date."""
    yield from _keywords(query.run, is_ours=type(query).run in _OURS or getattr(query, "checks_names", False))
    for modifier in getattr(query, "query_modifiers", ()):
        yield from _keywords(modifier, skip=1)
    if isinstance(query, DateHistogramQuery | TermsQuery):
        yield from _keywords(query.build_query, is_ours=type(query).build_query in _OURS)


def _keywords(function: Callable[..., Any], skip: int = 0, is_ours: bool = False) -> Iterator[inspect.Parameter]:
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        if parameter.kind is not parameter.VAR_POSITIONAL and not (is_ours and parameter.kind is parameter.VAR_KEYWORD):
            yield parameter


def _kind(query: Any) -> Literal["histogram", "total", "custom"]:
    if isinstance(query, DateHistogramQuery):
        return "histogram"
    return "total" if isinstance(query, TermsQuery) else "custom"
