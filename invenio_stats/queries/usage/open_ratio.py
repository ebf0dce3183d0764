"""Compare open with controlled use: requests by month and access status."""

from typing import Any

from invenio_search.engine import search

from invenio_stats.completeness.answers import keep_while_unchanged
from invenio_stats.core import periods
from invenio_stats.queries.usage.answers import Answer, UsageQuery
from invenio_stats.queries.usage.coverage import Coverage, find_state
from invenio_stats.queries.usage.questions import Question
from invenio_stats.queries.usage.sums import Numbers, fetch_ranges
from invenio_stats.search.steps import Steps

_FIELD = "requests_by_access_status"


class OpenRatioQuery(UsageQuery):
    """Requests by the access status that a record had at that time, in each month and in all of them."""

    only_item_usage = True

    def numbers(self, question: Question, coverage: Coverage) -> Steps[Answer]:
        """Return `points`, one for each month, and the whole range: requests and their shares by access status."""
        sources = self.sources(question, question.days)
        targets = {source.target for source in sources}
        statuses = sorted({status for target in targets for status in _find_statuses(self.client, target)})
        by_status = [source._replace(fields={name: f"{_FIELD}.{name}" for name in statuses}) for source in sources]
        parts = list(periods.split(question.days, "month"))
        (counted,) = yield from fetch_ranges(self.client, [(by_status, [*parts, question.days])])
        *points, total = (_requests(numbers, statuses) for numbers in counted)
        return {
            "points": [
                {
                    "date": part.first.isoformat(),
                    "state": find_state(part, coverage, question.began, question.today),
                    **point,
                }
                for part, point in zip(parts, points, strict=True)
            ],
            **total,
        }


def _requests(numbers: Numbers, statuses: list[str]) -> Answer:
    """Return requests and shares by access status; no shares, which is not a share of 0, if there are no requests."""
    requests = {status: numbers.get(status, 0) for status in statuses}
    total = sum(requests.values())
    shares = {status: number / total for status, number in requests.items()} if total else None
    return {"requests": requests, "shares": shares}


def _find_statuses(client: Any, target: str) -> set[str]:
    """Return the access statuses that any total behind an alias has; the process keeps them."""
    return keep_while_unchanged(("access statuses", target), lambda: _fetch_statuses(client, target))


def _fetch_statuses(client: Any, target: str) -> set[str]:
    try:
        found = client.indices.get_field_mapping(index=target, fields=f"{_FIELD}.*")
    except search.exceptions.NotFoundError:
        return set()
    return {name.removeprefix(f"{_FIELD}.") for index in found.values() for name in index["mappings"]}
