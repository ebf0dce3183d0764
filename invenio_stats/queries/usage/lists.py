"""Ranked lists: the most used records, versions, communities and files."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _

from invenio_stats.core import periods
from invenio_stats.core.periods import Days
from invenio_stats.items.access import Identity
from invenio_stats.items.shown import describe_readable
from invenio_stats.proxies import current_stats
from invenio_stats.queries.parameters import too_many_rows
from invenio_stats.queries.usage.answers import Answer, UsageQuery
from invenio_stats.queries.usage.coverage import Coverage
from invenio_stats.queries.usage.items import Limits, Wanted, find_items
from invenio_stats.queries.usage.parameters import MAX_SIZE, Position, write_position
from invenio_stats.queries.usage.questions import Question
from invenio_stats.queries.usage.sums import Numbers, fetch_keys, fetch_keys_by_ranges
from invenio_stats.search.steps import Steps, run, together

MONTHS = 12
"""The months of small pictures in lists."""


class UsageListQuery(UsageQuery):
    """What is used most, by one metric; equal numbers by id."""

    limits = Limits()

    def __init__(self, *args: Any, has_months: bool = False, **kwargs: Any):
        """Take the arguments of UsageQuery, and whether rows have their last twelve months."""
        super().__init__(*args, **kwargs)
        self.has_months = has_months

    def numbers(self, question: Question, coverage: Coverage) -> Steps[Answer]:
        """Return `count`, `rows`, and the position of the last row if there are more."""
        given = question.parameters
        by, after = str(given.by), given.after
        skipped = after.rank if after else (given.page - 1) * given.size
        wanted = Wanted(by, given.size, skipped, after if after and after.id else None)
        sources, candidates = self.sources(question, question.days), _Candidates(self, question)
        found = yield from find_items(self.client, sources, wanted, candidates.fetch_values, self.limits)
        rows = yield from candidates.fetch_rows(found.first_rank, [row.key for row in found.rows])
        last = [rows[-1]["rank"], rows[-1][by], rows[-1]["id"]] if rows and found.has_more else None
        return {
            "count": found.total,
            "about": found.is_about,
            "rows": rows,
            "next": last,
            "before": self.before(question),
        }

    def parts(self, params: Mapping[str, Any], identity: Identity, limit: int) -> Iterator[Answer]:
        """Yield the answer for the whole list, with some rows at a time; an error if it has more than the limit."""
        question = run(self.read(params))
        coverage = self.coverage(question, question.days)
        wanted = Wanted(str(question.parameters.by), limit)
        sources, candidates = self.sources(question, question.days), _Candidates(self, question)
        found = run(find_items(self.client, sources, wanted, candidates.fetch_values, self.limits))
        if found.has_more:
            raise too_many_rows(limit, found.total)
        head = {**self.head(question, coverage), "count": found.total, "about": False, "next": None}
        head |= {"params": _without(head["params"], "page", "size"), "before": self.before(question)}
        for first in range(0, max(len(found.rows), 1), MAX_SIZE):
            keys = [row.key for row in found.rows[first : first + MAX_SIZE]]
            rows = run(_Candidates(self, question).fetch_rows(first + 1, keys))
            yield self.present(question, {**head, "rows": rows}, identity)

    def present(self, question: Question, counted: Answer, identity: Identity) -> Answer:
        """Return the answer with titles; what the identity may not see has its rank and numbers only."""
        names = self._names(question, [row["id"] for row in counted["rows"]], identity)
        rows = [
            {"rank": row["rank"], **names.get(row["id"], self._nameless()), **_without(row, "rank", "id")}
            for row in counted["rows"]
        ]
        following = counted["next"]
        if following is not None:
            position = Position(*following)
            # The id of what may not be seen does not leave: the list goes on by rank.
            following = write_position(position if position.id in names else position._replace(id=""))
        return {**counted, "rows": rows, "next": following}

    def _nameless(self) -> Answer:
        titles = {"community": _("A restricted community"), "file": _("A restricted file")}
        return {"id": None, "title": titles.get(self.kind, _("A restricted record")), "url": None}

    def _names(self, question: Question, keys: list[str], identity: Identity) -> dict[str, Answer]:
        """Return id, title and address of what the identity may see, by the keys of the rows."""
        access = current_stats.access
        if self.kind == "community":
            return {
                label: {"id": label, "title": title, "url": None}
                for label, title in access.communities(identity, keys).items()
            }
        if self.kind == "file":
            shown = find_readable_keys(question, identity, keys)
            return {key: {"id": key, "title": key, "url": None} for key in shown}
        return describe_records(identity, keys)


class _Candidates:
    """The numbers of things that may be rows of a list: fetched once, in the step that tells their order."""

    def __init__(self, query: UsageListQuery, question: Question):
        self.query = query
        self.question = question
        self.by = str(question.parameters.by)
        self.rows: dict[str, Answer] = {}

    def fetch_values(self, keys: Collection[str]) -> Steps[Mapping[str, int]]:
        """Return the metric of each key in one step; all of their numbers come with it, unless there are many keys."""
        if len(keys) > MAX_SIZE:
            counted = yield from self._fetch(self.question.days, keys)
            return {key: numbers[self.by] for key, numbers in counted.items()}
        self.rows |= yield from self._fetch_numbers(keys)
        return {key: self.rows[key][self.by] for key in keys}

    def fetch_rows(self, first_rank: int, keys: Sequence[str]) -> Steps[list[Answer]]:
        """Return the rows; one step if the numbers of any are not known yet."""
        missing = [key for key in keys if key not in self.rows]
        self.rows |= yield from self._fetch_numbers(missing)
        return [{"rank": first_rank + position, "id": key, **self.rows[key]} for position, key in enumerate(keys)]

    def _fetch(self, days: Days, keys: Collection[str]) -> Steps[dict[str, Numbers]]:
        return fetch_keys(self.query.client, self.query.sources(self.question, days), keys)

    def _fetch_numbers(self, keys: Collection[str]) -> Steps[dict[str, Answer]]:
        before, write = self.question.before, self.query.write
        counted, earlier, months = yield from together(
            [
                self._fetch(self.question.days, keys),
                self._fetch(before, keys) if before else fetch_keys(self.query.client, [], ()),
                self._fetch_months(keys),
            ]
        )
        return {
            key: {
                **write(counted[key]),
                "before": write(earlier[key]) if key in earlier else None,
                **({"months": months[key]} if self.query.has_months else {}),
            }
            for key in keys
        }

    def _fetch_months(self, keys: Collection[str]) -> Steps[dict[str, list[int]]]:
        """Return the metric of each key in the months up to the last one of the range, if rows have them."""
        if not self.query.has_months:
            return {}
        last = self.question.days.last
        days = Days(periods.add_months(last.replace(day=1), 1 - MONTHS), last)
        sources, parts = self.query.sources(self.question, days), list(periods.split(days, "month"))
        found = yield from fetch_keys_by_ranges(self.query.client, sources, keys, parts)
        return {key: [numbers[self.by] for numbers in months] for key, months in found.items()}


def describe_records(identity: Identity, ids: Iterable[str]) -> dict[str, Answer]:
    """Return id, title and address of those records that the identity may read."""
    shown = describe_readable(current_stats.access, current_stats.item_metadata, identity, ids)
    return {
        asked: {"id": asked, "title": item.metadata.title, "url": item.metadata.url} for asked, item in shown.items()
    }


def find_readable_keys(question: Question, identity: Identity, keys: Sequence[str]) -> set[str]:
    """Return those keys of a record's files that the identity may see: each version decides for its own files.

    Somebody who may read the files of all versions also sees the keys of files that no version has any more.
    """
    if not keys:
        return set()
    access, record_id = current_stats.access, question.scope.ids[0]
    versions = access.versions(record_id) if question.parameters.versions == "all" else []
    items = versions or [record_id]
    readable = access.items_with_readable_files(identity, items)
    if readable.issuperset(items):
        return set(keys)
    return {key for files in access.files(readable).values() for key, _size in files}.intersection(keys)


def _without(row: Answer, *names: str) -> Answer:
    return {name: value for name, value in row.items() if name not in names}
