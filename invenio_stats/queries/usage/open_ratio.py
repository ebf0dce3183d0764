"""Compare open with controlled use, by month and access status, and open with controlled holdings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from invenio_search.engine import search

from invenio_stats.completeness.answers import keep_while_unchanged
from invenio_stats.core import periods
from invenio_stats.errors import NoAnswerError
from invenio_stats.items.access import Identity
from invenio_stats.proxies import current_stats
from invenio_stats.queries.states import hourly_state
from invenio_stats.queries.usage.answers import Answer, UsageQuery
from invenio_stats.queries.usage.coverage import Coverage, find_state
from invenio_stats.queries.usage.questions import Question
from invenio_stats.queries.usage.sums import Numbers, fetch_ranges
from invenio_stats.search.steps import Steps

_FIELD = "requests_by_access_status"


class OpenRatioQuery(UsageQuery):
    """Requests by the access status that a record had at that time, in each month and in all of them.

    For the repository or a community also its holdings by their access status now: None without a database, or if it
    does not answer. Then `holdings_error` says so; the use is answered all the same.
    """

    only_item_usage = True

    @property
    def with_holdings(self) -> bool:
        """Whether the scope has holdings."""
        return self.accepted.scope in ("repository", "community")

    def state(self, params: Mapping[str, Any], now: datetime) -> str:
        """Return a text that is another when the numbers of the answer may be."""
        state = super().state(params, now)
        return f"{state}-{hourly_state(now)}" if self.with_holdings else state

    def present(self, question: Question, counted: Answer, identity: Identity) -> Answer:
        """Return the answer with the holdings, which are kept in a cache of their own."""
        if not self.with_holdings:
            return counted
        try:
            return {**counted, "holdings": self.find_holdings(question.scope_id, identity), "holdings_error": None}
        except NoAnswerError as error:
            return {**counted, "holdings": None, "holdings_error": error.description}

    def find_holdings(self, community: str | None, identity: Identity) -> Answer | None:
        """Return the holdings now, None without a database; NoAnswerError if it does not answer."""
        if not current_stats.access.has_holdings:
            return None
        # An instance without a database does not have its modules.
        from invenio_stats.queries.database import MAX_SIZE
        from invenio_stats.queries.holdings import HoldingsQuery

        query = HoldingsQuery(self.name, "community" if community else "repository")
        params = {"by": "access_status", "size": MAX_SIZE, **({"community": community} if community else {})}
        found = query.answer(params, identity)
        records = {row["id"]: row["records"] for row in sorted(found["rows"], key=lambda row: row["id"])}
        return {
            "records": records,
            "shares": _shares(records),
            "unknown": found["unknown"],
            "updated": found["updated"],
        }

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
    requests = {status: numbers.get(status, 0) for status in statuses}
    return {"requests": requests, "shares": _shares(requests)}


def _shares(numbers: Mapping[str, int]) -> dict[str, float] | None:
    """Return the share of each number; None, which is not a share of 0, if there is nothing."""
    total = sum(numbers.values())
    return {name: number / total for name, number in numbers.items()} if total else None


def _find_statuses(client: Any, target: str) -> set[str]:
    """Return the access statuses that any total behind an alias has; the process keeps them."""
    return keep_while_unchanged(("access statuses", target), lambda: _fetch_statuses(client, target))


def _fetch_statuses(client: Any, target: str) -> set[str]:
    try:
        found = client.indices.get_field_mapping(index=target, fields=f"{_FIELD}.*")
    except search.exceptions.NotFoundError:
        return set()
    return {name.removeprefix(f"{_FIELD}.") for index in found.values() for name in index["mappings"]}
