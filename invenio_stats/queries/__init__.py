"""Answer queries: check their parameters, search the totals, and build the answer."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

from invenio_search import current_search_client
from invenio_search.engine import dsl
from invenio_search.utils import build_alias_name

from invenio_stats.config import writes_zone
from invenio_stats.core import moments
from invenio_stats.core.metrics import Metric, parse_metrics
from invenio_stats.errors import ConfigurationError, InvalidRequestInputError
from invenio_stats.queries import paging, parameters, results, search_bodies
from invenio_stats.queries.canonical import canonical
from invenio_stats.queries.prepared import PreparedQuery
from invenio_stats.search.client import (
    Response,
    Searcher,
    SearchRequest,
    TooManyBucketsError,
    ValuesRefusedError,
    search,
)
from invenio_stats.support.import_strings import load

Answer = dict[str, Any]
"""The answer to a client; it has the same keys whether there are totals or not."""

Modifier = Callable[..., Any]
"""`(search, **run_parameters)` -> search; called with those of the run's parameters that its signature accepts.

Interval and dates are never passed: the query itself applies them, and modifiers turn what they are given into filters.
"""

_DATES = frozenset({"start_date", "end_date"})
_NOT_FOR_MODIFIERS = _DATES | {"interval"}

DEFAULT_METRICS: Mapping[str, Any] = {"value": ("sum", "count", {})}


class Query:
    """A named query to one alias of totals."""

    def __init__(self, name: str, index: str, client: Any = None, **other: Any):
        """Query `index`, a name without the instance's prefix; unknown arguments are ignored with a warning."""
        if other:
            warnings.warn(
                f"Query {name!r} does not know {', '.join(sorted(other))}. Remove it from the query's params.",
                stacklevel=3,
            )
        self.name = name
        self.index = build_alias_name(index)
        self.client = current_search_client if client is None else client

    def extract_date(self, date: str | date | None) -> datetime | None:
        """Return the naive UTC moment of a date; None stays None."""
        return None if date is None else parameters.read_date(date)

    def canonical_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters in the form in which they filter; with it permission is asked, and the query is run.

        Those of a custom query stay as they are.
        """
        return dict(params)

    can_prepare = False
    """Whether `prepare` does all that `run` does except for sending the search."""

    def run(self, /, **params: Any) -> Answer:
        """Return the answer; an InvalidRequestInputError names the invalid parameter."""
        raise NotImplementedError


class _TotalsQuery(Query):
    """Base of both kinds of query: turns parameters into a search with filters and modifiers."""

    max_groups = 100_000
    """Maximal number of groups in an answer, over all levels; more are an error, since a cut list looks complete."""

    build_query: Callable[..., Any]
    _built_here: Callable[..., Any]
    _run_here: Callable[..., Answer]
    """The class's own `build_query` and `run`, to detect a subclass that overrides them."""

    def __init__(
        self,
        name: str,
        index: str,
        client: Any = None,
        *,
        time_field: str = "timestamp",
        copy_fields: Mapping[str, Any] | None = None,
        query_modifiers: Sequence[Modifier | str] | None = None,
        required_filters: Mapping[str, str] | None = None,
        optional_filters: Mapping[str, str] | None = None,
        metric_fields: Mapping[str, Any] | None = None,
        **other: Any,
    ):
        """Take the `params` of a STATS_QUERIES entry; a ConfigurationError names those that cannot work.

        `time_field` is the field with the moment of a total. `required_filters` is `{parameter: field}`: the field
        must equal the parameter. `optional_filters` is the same for parameters that may be left out, which selects
        every value of the field. `metric_fields` is `{name: (metric, field, options)}`, and `copy_fields` is
        `{name: field or (result, doc) -> value}`, taken from the newest total.
        """
        super().__init__(name, index, client, **other)
        self.time_field = time_field
        self.copy_fields = dict(copy_fields or {})
        self.query_modifiers = [load(f"{name}: query_modifiers", modifier) for modifier in query_modifiers or ()]
        self.required_filters = dict(required_filters or {})
        self.optional_filters = dict(optional_filters or {})
        self.metric_fields = dict(metric_fields or DEFAULT_METRICS)
        self._refuse_metrics_named(search_bodies.RESERVED)

    @property
    def metrics(self) -> dict[str, Metric]:
        """The metric fields, parsed at each use because a subclass may change them."""
        try:
            return parse_metrics(self.metric_fields, setting_path=f"{self.name}: metric_fields")
        except ValueError as error:
            raise ConfigurationError(str(error)) from error

    def _refuse_metrics_named(self, names: frozenset[str]) -> None:
        taken = sorted(names.intersection(self.metrics))
        if taken:
            raise ConfigurationError(f"{self.name}: metric_fields has {taken}, which are taken. Give them other names.")

    def _dates(self, start_date: Any, end_date: Any) -> tuple[datetime | None, datetime | None]:
        """Return both ends of the range; InvalidRequestInputError if one is no date, or the end is before the start."""
        start_and_end = []
        for parameter, value in (("start_date", start_date), ("end_date", end_date)):
            try:
                start_and_end.append(self.extract_date(value))
            except (InvalidRequestInputError, ValueError, TypeError) as error:
                raise parameters.not_a_date(parameter, value) from error
        parameters.check_range(*start_and_end)
        return start_and_end[0], start_and_end[1]

    def _check_names(self, own: set[str], params: Mapping[str, Any]) -> None:
        """Reject missing parameters, and those that no filter, modifier or overridden `build_query` reads."""
        known = own | {*self.required_filters, *self.optional_filters}
        for modifier in self.query_modifiers:
            known |= parameters.accepted_names(modifier, params, skip=1)
        if self._is_built_elsewhere():
            known |= parameters.accepted_names(self.build_query, params)
        parameters.check_names(params, self.required_filters, known)
        self._filters(params)

    def canonical_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with a text for each number, for filters as well as for modifiers."""
        return {name: value if name in _DATES else canonical(value) for name, value in params.items()}

    def _filters(self, params: Mapping[str, Any]) -> list[tuple[str, str]]:
        return [
            (field, parameters.filter_value(parameter, params[parameter]))
            for parameter, field in {**self.optional_filters, **self.required_filters}.items()
            if parameter in params
        ]

    @property
    def can_prepare(self) -> bool:
        """Whether `run` is ours: not overridden by a subclass, nor replaced in the object."""
        return getattr(self.run, "__func__", None) is type(self)._run_here

    def _is_built_elsewhere(self) -> bool:
        return getattr(self.build_query, "__func__", None) is not type(self)._built_here

    def _body(self, run: Mapping[str, Any]) -> search_bodies.Body:
        raise NotImplementedError

    def _filter_body(self, run: Mapping[str, Any]) -> search_bodies.Body:
        start, end, write = run["start_date"], run["end_date"], moments.writer(writes_zone())
        return search_bodies.selection(self._filters(run), self.time_field, start, end, write)

    def _copy_body(self) -> search_bodies.Body:
        return search_bodies.newest(self.time_field, self.copy_fields.values())

    def _search(self, run: Mapping[str, Any]) -> Any:
        search = dsl.Search(using=self.client, index=self.index).update_from_dict(self._body(run))
        filters = {name: value for name, value in run.items() if name not in _NOT_FOR_MODIFIERS}
        for modifier in self.query_modifiers:
            names = parameters.accepted_names(modifier, filters, skip=1)
            search = modifier(search, **{name: filters[name] for name in names})
        return search

    def _request(self, run: Mapping[str, Any]) -> SearchRequest:
        """Return the search request; builds a dsl.Search, which is slow, only if modifiers or a subclass need it."""
        if not self.query_modifiers and not self._is_built_elsewhere():
            return SearchRequest(self.client, self.index, self._body(run))
        search = self.build_query(**run)
        client = self.client if isinstance(search._using, str) else search._using
        return SearchRequest(client, search._index or self.index, search.to_dict(), search._params)

    def _fetch(
        self, request: SearchRequest, fields: Sequence[str], run: Mapping[str, Any], first: Searcher
    ) -> Response:
        """Send the search; a parameter that the search engine cannot compare with its field is the client's error."""
        try:
            return paging.fetch(request, fields, self.max_groups, first=first)
        except ValuesRefusedError as error:
            values = {name: value for name, value in run.items() if name not in _NOT_FOR_MODIFIERS}
            if not values:
                raise
            raise parameters.values_refused(values) from error


class DateHistogramQuery(_TotalsQuery):
    """Metrics over time, with one bucket for each interval."""

    def validate_arguments(self, /, interval: Any, start_date: Any, end_date: Any, **params: Any) -> None:
        """Refuse what cannot be answered, before the engine is asked."""
        parameters.check_interval(interval, *self._dates(start_date, end_date))
        self._check_names({"interval", "start_date", "end_date"}, params)

    def build_query(self, /, interval: str, start_date: Any, end_date: Any, **params: Any) -> Any:
        """Return the Search to send; subclasses may add to it."""
        return self._search({"interval": interval, "start_date": start_date, "end_date": end_date, **params})

    _built_here = build_query

    def _body(self, run: Mapping[str, Any]) -> search_bodies.Body:
        return search_bodies.histogram(
            self._filter_body(run), self.time_field, run["interval"], self.metrics, self._copy_body()
        )

    def process_query_result(self, query_result: Response, interval: str, start_date: Any, end_date: Any) -> Answer:
        """Make the answer from the engine's."""
        buckets = results.intervals(query_result.get("aggregations", {}), self.metrics, self.copy_fields)
        return {"interval": interval, "key_type": "date", **results.dates(start_date, end_date), "buckets": buckets}

    def prepare(
        self, /, interval: Any = "day", start_date: Any = None, end_date: Any = None, **params: Any
    ) -> PreparedQuery:
        """Check the parameters; return the search for them, and what makes the answer."""
        start, end = self._dates(start_date, end_date)
        params = self.canonical_params(params)
        self.validate_arguments(interval, start, end, **params)
        run = {"interval": interval, "start_date": start, "end_date": end, **params}
        request = self._request(run)

        def answer(first: Searcher) -> Answer:
            try:
                response = self._fetch(request, (), run, first)
            except TooManyBucketsError as error:
                if end is not None:
                    raise parameters.too_many_intervals(interval, start, end) from error
                response = self._fetch_until_tomorrow(run)
            return self.process_query_result(response, interval, start, end)

        return PreparedQuery(request, answer, parameters.count_intervals(interval, start, end))

    def _fetch_until_tomorrow(self, run: Mapping[str, Any]) -> Response:
        """Send the search of an open range again, up to tomorrow.

        Older releases counted events that were dated years ahead, and a histogram up to there has too many intervals.
        """
        tomorrow = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(days=1)
        until_tomorrow = {**run, "end_date": tomorrow}
        try:
            return self._fetch(self._request(until_tomorrow), (), until_tomorrow, search)
        except TooManyBucketsError as error:
            raise parameters.too_many_intervals(run["interval"], run["start_date"], None) from error

    def run(self, /, interval: Any = "day", start_date: Any = None, end_date: Any = None, **params: Any) -> Answer:
        """Return `{interval, key_type, start_date, end_date, buckets}`."""
        return self.prepare(interval, start_date, end_date, **params).answer(search)

    _run_here = run


class TermsQuery(_TotalsQuery):
    """Metrics over all selected totals and, if there are `aggregated_fields`, for each value of these fields."""

    def __init__(
        self,
        name: str,
        index: str,
        client: Any = None,
        *,
        aggregated_fields: Sequence[str] | None = None,
        max_bucket_size: int = 10_000,
        **others: Any,
    ):
        """Group by `aggregated_fields`; more than `max_bucket_size` groups are fetched page by page.

        The other arguments are those of a DateHistogramQuery.
        """
        super().__init__(name, index, client, **others)
        self.aggregated_fields = (
            [aggregated_fields] if isinstance(aggregated_fields, str) else list(aggregated_fields or ())
        )
        self.max_bucket_size = max_bucket_size
        self._refuse_metrics_named(frozenset(self.aggregated_fields))

    def validate_arguments(self, /, start_date: Any, end_date: Any, **params: Any) -> None:
        """Refuse what cannot be answered, before the engine is asked."""
        self._dates(start_date, end_date)
        self._check_names({"start_date", "end_date"}, params)

    def build_query(self, /, start_date: Any, end_date: Any, **params: Any) -> Any:
        """Return the Search to send; subclasses may add to it."""
        return self._search({"start_date": start_date, "end_date": end_date, **params})

    _built_here = build_query

    def _body(self, run: Mapping[str, Any]) -> search_bodies.Body:
        size = self.max_bucket_size
        return search_bodies.groups(
            self._filter_body(run), self.aggregated_fields, size, self.metrics, self._copy_body()
        )

    def process_query_result(self, query_result: Response, start_date: Any, end_date: Any) -> Answer:
        """Make the answer from the engine's."""
        everything = query_result.get("aggregations", {})
        answer = results.groups(everything, self.metrics, self.aggregated_fields)
        return results.copy_newest({**results.dates(start_date, end_date), **answer}, everything, self.copy_fields)

    def prepare(self, /, start_date: Any = None, end_date: Any = None, **params: Any) -> PreparedQuery:
        """Check the parameters; return the search for them, and what makes the answer."""
        start, end = self._dates(start_date, end_date)
        params = self.canonical_params(params)
        self.validate_arguments(start, end, **params)
        run = {"start_date": start, "end_date": end, **params}
        request = self._request(run)

        def answer(first: Searcher) -> Answer:
            try:
                response = self._fetch(request, self.aggregated_fields, run, first)
            except TooManyBucketsError as error:
                raise parameters.too_many_groups(self.max_groups, self.aggregated_fields) from error
            return self.process_query_result(response, start, end)

        return PreparedQuery(request, answer)

    def run(self, /, start_date: Any = None, end_date: Any = None, **params: Any) -> Answer:
        """Return `{start_date, end_date, <copies>, <metrics>}` and, if there are `aggregated_fields`, the groups."""
        return self.prepare(start_date, end_date, **params).answer(search)

    _run_here = run


ESQuery = Query
ESDateHistogramQuery = DateHistogramQuery
ESTermsQuery = TermsQuery
