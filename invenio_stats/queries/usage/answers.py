"""Questions about usage: the base class, totals and series."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from invenio_stats.core.moments import iso_zoned
from invenio_stats.core.periods import Days
from invenio_stats.items.access import Identity, current_identity
from invenio_stats.proxies import current_stats
from invenio_stats.queries import Query, answer_cache
from invenio_stats.queries.states import revision_state
from invenio_stats.queries.usage.coverage import Coverage, find_coverage, find_state
from invenio_stats.queries.usage.parameters import Accepted, check_points
from invenio_stats.queries.usage.questions import Question, read_question
from invenio_stats.queries.usage.sources import RECORD_USAGE, Source
from invenio_stats.queries.usage.sums import Numbers, add_up, fetch_ranges
from invenio_stats.search.steps import Steps, run

RULES = "COUNTER 5.1"
"""The rules by which item usage is counted."""

CACHE_SECONDS = 3600
"""How long numbers are kept at most, should a change of totals not have raised the revision."""

Answer = dict[str, Any]


def read_clock() -> datetime:
    """Return the present moment."""
    return datetime.now(timezone.utc)


class UsageQuery(Query):
    """A question about usage: `read` its parameters, `count`, and `present` the answer to somebody.

    What `count` returns is the same for everybody, and for the same canonical parameters as long as no total changes,
    so that it can be cached. `present` adds what depends on who asks. Both `read` and `count` are procedures whose
    steps several queries take together, see `search.steps`.
    """

    checks_names = True
    """Whether a parameter of any other name is refused."""
    only_item_usage = False
    """Whether the totals of 7.x cannot answer the query; those of communities they never can."""

    def __init__(
        self,
        name: str,
        accepted: Accepted,
        client: Any = None,
        *,
        kind: str = "record",
        clock: Callable[[], datetime] = read_clock,
        **other: Any,
    ):
        """Take the parameters that are accepted, what is counted, and the clock that says what is finished.

        `kind` is what a list groups by: record, version, community or file. Other queries count records, or files.
        """
        super().__init__(name, RECORD_USAGE, client, **other)
        self.accepted = accepted
        self.required_filters = tuple(name for name in accepted.names if name == accepted.scope)
        self.optional_filters = tuple(name for name in accepted.names if name != accepted.scope)
        self.kind = kind
        self.clock = clock
        self.needs_item_usage = self.only_item_usage or "community" in (accepted.scope, kind)

    def run(self, /, **params: Any) -> Answer:
        """Return the answer to whoever makes the current request; InvalidRequestInputError or NotFoundError."""
        return self.answer(params, current_identity())

    def cached_steps(self, params: Mapping[str, Any]) -> Steps[Answer]:
        """Return what `run` does, with numbers from the instance's cache if no total has changed since."""
        question = yield from self.read(params)
        # The revision is read before the totals are. A user's items, and what is over by now, change without it.
        asked = question.params(self.accepted), question.scope.ids
        key = f"stats-numbers:{revision_state(question.now, self.name, *asked)}"
        counted = answer_cache.get(key)
        if counted is None:
            counted = yield from self.count(question)
            answer_cache.keep(key, counted, CACHE_SECONDS)
        return self.present(question, counted, current_identity())

    def state(self, params: Mapping[str, Any], now: datetime) -> str:
        """Return a text that is another when the numbers of the answer may be."""
        items = current_stats.access.items_of(str(params.get("user"))) if self.accepted.scope == "user" else ()
        return revision_state(now, sorted(items))

    def answer(self, params: Mapping[str, Any], identity: Identity) -> Answer:
        """Return the answer to somebody; `items.access.SYSTEM` is the identity of commands and tasks."""
        question = run(self.read(params))
        return self.present(question, run(self.count(question)), identity)

    def read(self, params: Mapping[str, Any]) -> Steps[Question]:
        """Return the question in its canonical form."""
        return read_question(self.client, self.accepted, params, self.clock(), self.kind, self.needs_item_usage)

    def count(self, question: Question) -> Steps[Answer]:
        """Return the numbers and ids of the answer."""
        coverage = self.coverage(question, question.days)
        numbers = yield from self.numbers(question, coverage)
        return {**self.head(question, coverage), **numbers}

    def present(self, question: Question, counted: Answer, identity: Identity) -> Answer:
        """Return the answer with the names that the identity may see."""
        return counted

    def numbers(self, question: Question, coverage: Coverage) -> Steps[Answer]:
        """Return the part of the answer that is particular to the query."""
        raise NotImplementedError

    def sources(self, question: Question, days: Days) -> list[Source]:
        """Return the totals that are read."""
        if self.needs_item_usage and question.first_day is None:
            return []
        counted = days.within(first=question.first_day) if self.needs_item_usage else days
        return question.sources(counted, self.kind) if counted else []

    def coverage(self, question: Question, days: Days) -> Coverage:
        """Return how complete the numbers of a range are; what was before counting began is a gap."""
        found = find_coverage(self.sources(question, days), question.first_day, question.now)
        uncounted = days.within(last=(question.began or question.today) - timedelta(days=1))
        if uncounted is None:
            return found
        reason = "before_item_usage" if self.needs_item_usage else "before_first_day"
        gap = {**_range(uncounted), "event_type": None, "reason": reason}
        return found._replace(complete=False, gaps=[gap, *found.gaps])

    def head(self, question: Question, coverage: Coverage) -> Answer:
        """Return what all answers have in common."""
        return {
            "query": self.name,
            "params": question.params(self.accepted),
            **_range(question.days),
            "updated": None if coverage.updated is None else iso_zoned(coverage.updated),
            "complete": coverage.complete,
            "gaps": coverage.gaps,
            "rules": RULES,
        }

    def fetch_parts(self, question: Question) -> Steps[list[list[Numbers]]]:
        """Return the numbers of each part of the days, and those of each part of the period to compare with.

        A total adds up the points of the usual series: when both are asked, they are one search.
        """
        days, before = [part for part, _moved in question.parts], question.parts_before
        asked = [(self.sources(question, question.days), days)]
        asked.append((self.sources(question, question.before) if question.before and before else [], before))
        return (yield from fetch_ranges(self.client, asked))

    def before(self, question: Question) -> Answer | None:
        """Return range and completeness of the period to compare with; None without one."""
        if question.before is None:
            return None
        return {**_range(question.before), "complete": self.coverage(question, question.before).complete}

    def write(self, numbers: Numbers) -> dict[str, int | None]:
        """Return numbers as they stand in an answer; a file has no views."""
        if self.kind != "file":
            return dict(numbers)
        return {metric: None if "views" in metric else number for metric, number in numbers.items()}


class UsageTotalQuery(UsageQuery):
    """The use in a range of days, and in the period before."""

    def numbers(self, question: Question, coverage: Coverage) -> Steps[Answer]:
        """Return the metrics, and `before`."""
        counted, counted_before = yield from self.fetch_parts(question)
        before = self.before(question)
        numbers = self.write(add_up(counted))
        return {**numbers, "before": before and {**before, **self.write(add_up(counted_before))}}


class UsageSeriesQuery(UsageQuery):
    """The use in each interval of a range of days."""

    def read(self, params: Mapping[str, Any]) -> Steps[Question]:
        """Return the question; InvalidRequestInputError for too many points."""
        question = yield from super().read(params)
        check_points(question.days, question.interval)
        return question

    def numbers(self, question: Question, coverage: Coverage) -> Steps[Answer]:
        """Return `points`, each with its first day within the range, its state and its metrics."""
        counted, counted_before = yield from self.fetch_parts(question)
        before = iter(self._points_before(question, counted_before))
        points = [
            {
                "date": part.first.isoformat(),
                "state": find_state(part, coverage, question.began, question.today),
                **self.write(numbers),
                "before": next(before, None) if moved else None,
            }
            for (part, moved), numbers in zip(question.parts, counted, strict=True)
        ]
        return {"points": points, "before": self.before(question)}

    def _points_before(self, question: Question, counted: Sequence[Numbers]) -> list[Answer]:
        if question.before is None:
            return []
        coverage = self.coverage(question, question.before)
        return [
            {
                "date": part.first.isoformat(),
                "state": find_state(part, coverage, question.began, question.today),
                **self.write(numbers),
            }
            for part, numbers in zip(question.parts_before, counted, strict=True)
        ]


def _range(days: Days) -> dict[str, str]:
    return {"from": days.first.isoformat(), "to": days.last.isoformat()}
