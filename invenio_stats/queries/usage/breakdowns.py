"""Questions about where use came from: by country and by referring host, from folded months only."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.completeness.answers import known_first_day
from invenio_stats.core import names, periods
from invenio_stats.core.breakdowns import UNKNOWN, Breakdown, Use, read_rows
from invenio_stats.core.moments import parse
from invenio_stats.core.periods import Days
from invenio_stats.queries.usage.answers import Answer, UsageQuery
from invenio_stats.queries.usage.coverage import BREAKDOWN_AGGREGATION, Coverage
from invenio_stats.queries.usage.questions import Question
from invenio_stats.queries.usage.sources import Source, moment
from invenio_stats.queries.usage.sums import fetch_ranges
from invenio_stats.search import clauses
from invenio_stats.search.client import SearchRequest
from invenio_stats.search.steps import Steps, fetch_all

_DAY = timedelta(days=1)
_MAX_MONTHS = 10_000


class UsageBreakdownQuery(UsageQuery):
    """The use by the values of a dimension, in the whole finished months of a range.

    Each month was folded by itself. A month without any value that may be shown, or that was not folded, is in `other`
    as a whole, and named in `not_shown`.
    """

    only_item_usage = True

    def __init__(self, name: str, *args: Any, dimension: str, **other: Any):
        """Take the field of events that use is broken down by."""
        super().__init__(name, *args, **other)
        self.dimension = dimension

    def read(self, params: Mapping[str, Any]) -> Steps[Question]:
        """Return the question; its first day of numbers is that of the breakdowns, and all begins with a month."""
        question = yield from super().read(params)
        if question.parameters.first is None:
            first, last = question.days
            question = question._replace(days=Days(periods.floor(first, "month"), last))
        first_day = known_first_day(BREAKDOWN_AGGREGATION)
        if first_day is None or question.began is None:
            return question
        return question._replace(began=max(question.began, first_day.date()))

    def head(self, question: Question, coverage: Coverage) -> Answer:
        """Return what all answers have in common, with the months in place of the days; None if there is none."""
        months = _months_of(question)
        edges = (months.first.isoformat(), months.last.isoformat()) if months else (None, None)
        return {**super().head(question, coverage), "from": edges[0], "to": edges[1]}

    def coverage(self, question: Question, days: Days) -> Coverage:
        """Return how complete the numbers of the months are."""
        months = _months_of(question)
        return super().coverage(question, months) if months else Coverage(None, date.max, True, [])

    def sources(self, question: Question, days: Days) -> list[Source]:
        """Return the totals that are read: breakdowns, and the use of months that have none."""
        sources = super().sources(question, days)
        return [*sources, *(source._replace(alias=names.USAGE_BREAKDOWN) for source in sources)]

    def numbers(self, question: Question, coverage: Coverage) -> Steps[Answer]:
        """Return `rows`, `other`, `unknown` and `not_shown`; they add up to the use in the months."""
        months = _months_of(question)
        parts = list(periods.split(months, "month")) if months else []
        folded = (yield from self._fetch_folded(question, months)) if months else {}
        folded |= yield from self._fetch_totals(question, [part for part in parts if part.first not in folded])
        uses: dict[str, Use] = {}
        other, not_shown = Use(), []
        for first, breakdown in sorted(folded.items()):
            for row in breakdown.rows:
                uses[row.value] = uses.get(row.value, Use()).plus(row.use)
            other = other.plus(breakdown.other)
            if not breakdown.rows and breakdown.other != Use():
                not_shown.append(f"{first:%Y-%m}")
        unknown = uses.pop(UNKNOWN, Use())
        ranked = sorted(uses.items(), key=lambda item: (-item[1].requests, -item[1].investigations, item[0]))
        return {
            "rows": [{"value": value, **_write(use)} for value, use in ranked],
            "other": _write(other),
            "unknown": _write(unknown),
            "not_shown": not_shown,
        }

    def _fetch_folded(self, question: Question, months: Days) -> Steps[dict[date, Breakdown]]:
        """Return the folded breakdowns by the first day of their month."""
        terms = {"interval": "month", "scope": question.scope.kind, "dimension": self.dimension}
        narrowed = [{"term": {name: value}} for name, value in terms.items()]
        if question.scope.ids:
            narrowed.append({"terms": {"scope_id": list(question.scope.ids)}})
        query = clauses.all_of([clauses.between(moment(months.first), moment(months.end)), *narrowed])
        alias = prefix_index(names.USAGE_BREAKDOWN)
        (found,) = yield from fetch_all([SearchRequest(self.client, alias, {"size": _MAX_MONTHS, "query": query})])
        sources = [hit["_source"] for hit in found["hits"]["hits"]]
        return {
            parse(source["timestamp"]).date(): Breakdown(list(read_rows(source["rows"])), Use(**source["other"]))
            for source in sources
        }

    def _fetch_totals(self, question: Question, months: Sequence[Days]) -> Steps[dict[date, Breakdown]]:
        """Return the use in months without a breakdown, all of it in `other`."""
        sources = super().sources(question, question.days)
        if not (sources and months):
            return {}
        (counted,) = yield from fetch_ranges(self.client, [(sources, months)])
        return {
            month.first: Breakdown([], Use(numbers["views"] + numbers["downloads"], numbers["downloads"]))
            for month, numbers in zip(months, counted, strict=True)
        }


def _months_of(question: Question) -> Days | None:
    """Return the whole finished months of a question's days; None if there is none."""
    first, last = question.days
    if first.day > 1:
        first = periods.add_months(first.replace(day=1), 1)
    end = periods.floor(min(last + _DAY, question.today), "month")
    return Days(first, end - _DAY) if first < end else None


def _write(use: Use) -> dict[str, int]:
    return {"views": use.investigations - use.requests, "downloads": use.requests}
