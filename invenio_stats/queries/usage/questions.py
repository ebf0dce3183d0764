"""Read a question about usage: its parameters, what it is about, and its days."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from flask_babel import gettext as _

from invenio_stats.completeness.answers import keep_while_unchanged
from invenio_stats.core import periods
from invenio_stats.core.periods import Days, Shift
from invenio_stats.errors import InvalidRequestInputError, NotFoundError
from invenio_stats.proxies import current_stats
from invenio_stats.queries.parameters import quote
from invenio_stats.queries.usage.coverage import find_first_day, find_oldest
from invenio_stats.queries.usage.parameters import Accepted, Parameters, read_parameters, write_position
from invenio_stats.queries.usage.sources import ALWAYS, ITEM_USAGE, RECORD_USAGE, Scope, Source, find_sources
from invenio_stats.queries.usage.sums import fetch
from invenio_stats.search.steps import Steps, run

_MAX_BUCKETS = 10_000


class Question(NamedTuple):
    """A question that can be answered; everything in it is in its canonical form."""

    scope: Scope
    scope_id: str | None
    days: Days
    before: Days | None
    """The range to compare with."""
    shift: Shift | None
    """How its days lie to those of the question."""
    interval: str
    parameters: Parameters
    first_day: date | None
    """The first day of item usage."""
    began: date | None
    """The first day that can have numbers."""
    now: datetime

    @property
    def today(self) -> date:
        """The running day."""
        return self.now.date()

    @property
    def parts(self) -> list[tuple[Days, Days | None]]:
        """The intervals of the days, each with that of the range to compare with; None if nothing is left of it."""
        shift = self.shift if self.before else None
        parts = periods.split(self.days, self.interval)
        return [(part, periods.shift_days(part, shift) if shift else None) for part in parts]

    @property
    def parts_before(self) -> list[Days]:
        """The intervals of the range to compare with."""
        return [moved for _part, moved in self.parts if moved]

    def sources(self, days: Days, by: str = "record") -> list[Source]:
        """Return the totals that count in an answer on these days."""
        return find_sources(self.scope, days, self.parameters.versions, by, self.first_day)

    def params(self, accepted: Accepted) -> dict[str, Any]:
        """Return the canonical parameters, with dates in place of periods: they give the same answer at any time."""
        given = self.parameters
        after = {"after": write_position(given.after)} if given.after else {"page": given.page}
        known = {
            accepted.scope: self.scope_id,
            "from": self.days.first.isoformat(),
            "to": self.days.last.isoformat(),
            "interval": self.interval,
            "compare": given.compare,
            "versions": given.versions,
            "by": given.by,
            "size": given.size,
            **after,
        }
        return {name: known[name] for name in accepted.names if name in known}


def read_question(
    client: Any, accepted: Accepted, params: Mapping[str, Any], now: datetime, by: str, needs_item_usage: bool
) -> Steps[Question]:
    """Return the question that the parameters ask; InvalidRequestInputError or NotFoundError if there is none.

    `needs_item_usage` is True if the totals of 7.x tell nothing of it. The search engine is asked for the records of a
    user, the buckets of a record's files, and the oldest total of all time only.
    """
    today = now.date()
    given = read_parameters(accepted, params, today)
    first_day = find_first_day(client)
    scope, scope_id = yield from _find_scope(client, accepted, given, by)
    began = first_day if needs_item_usage else _find_beginning(client, today, by, first_day)
    first = given.first
    if first is None:
        of_scope = find_sources(scope, ALWAYS._replace(last=today), given.versions, by, first_day)
        oldest = yield from find_oldest(client, of_scope)
        first = min(oldest or given.last, given.last)
        given = given._replace(compare="none")  # nothing is before all
    days = Days(first, given.last)
    shift = periods.find_shift(days, given.compare)
    return Question(
        scope=scope,
        scope_id=scope_id,
        days=days,
        before=periods.shift_days(days, shift) if shift else None,
        shift=shift,
        interval=given.interval or periods.choose_interval(days),
        parameters=given,
        first_day=first_day,
        began=began,
        now=now,
    )


def _find_beginning(client: Any, today: date, by: str, first_day: date | None) -> date | None:
    """Return the day of the first total of the instance; None if there is none.

    The process keeps the day of the older totals, which is the same for all questions.
    """
    sources = find_sources(Scope("repository"), ALWAYS._replace(last=today), by=by, first_day=first_day)
    older = [source for source in sources if source.alias not in (ITEM_USAGE, RECORD_USAGE)]
    key = "beginning", today, first_day, tuple(source.target for source in older)
    oldest = keep_while_unchanged(key, lambda: run(find_oldest(client, older)))
    found = [oldest, first_day if len(older) < len(sources) else None]
    return min(filter(None, found), default=None)


def _find_scope(client: Any, accepted: Accepted, given: Parameters, by: str) -> Steps[tuple[Scope, str | None]]:
    """Return what the question is about, and its canonical id; NotFoundError if the instance does not know it."""
    kind, value = accepted.scope, given.scope_id
    if value is None:
        return Scope("repository"), None
    if kind == "community":
        community = current_stats.access.community(value)
        if community is None:
            raise NotFoundError
        return Scope(kind, (community.id,)), community.id
    if kind == "user":
        owned = yield from _ids_of_user(client, value, given.versions)
        return Scope(kind, tuple(owned)), value
    record, file_key = split_file(value) if kind == "file" else (value, None)
    record_id = _find_record(record, given.versions)
    ids: tuple[str, ...] = (record_id,)
    if kind == "file" or by == "file":
        counted = yield from _buckets_in_totals(client, Scope("record", ids), given.versions)
        ids += tuple(dict.fromkeys([*counted, *_buckets_of(record_id, given.versions)]))
    return Scope(kind, ids, file_key), record_id if file_key is None else f"{record_id}/{file_key}"


def split_file(value: str) -> tuple[str, str]:
    """Return record and key of the id of a file, '<record>/<key>'."""
    record, separator, key = value.partition("/")
    if not (record and separator and key):
        raise InvalidRequestInputError(
            _("file is %(value)s. Give the record and the key of the file: 'RECORD/KEY'.", value=quote(value))
        )
    return record, key


def _find_record(value: str, versions: str) -> str:
    ids = current_stats.access.item_of(value)
    if ids is None:
        raise NotFoundError
    item_id, parent_id = ids
    if versions == "all":
        return str(parent_id)
    if item_id is None:
        raise InvalidRequestInputError(
            _(
                "versions is 'this', and %(value)s is the id of all versions together. Give the id of one of them.",
                value=quote(value),
            )
        )
    return str(item_id)


def _ids_of_user(client: Any, user_id: str, versions: str) -> Steps[list[str]]:
    """Return the ids in totals of what a user owns: items, and for all versions their parents too."""
    items = sorted(current_stats.access.items_of(user_id))
    if versions == "this" or not items:
        return items
    # The instance names items; which parent they belong to is in their totals.
    scope = Scope("user", tuple(items))
    sources = find_sources(scope, ALWAYS, "this", "record", ALWAYS.first) + find_sources(scope, ALWAYS, "this")
    aggs = {field: {"terms": {"field": field, "size": 2 * len(items)}} for field in ("parent_id", "parent_recid")}
    parents = set(items)
    for found in (yield from fetch(client, [(source, aggs) for source in sources])):
        parents.update(group["key"] for terms in found.values() for group in terms["buckets"])
    return sorted(parents)


def _buckets_of(record_id: str, versions: str) -> list[str]:
    """Return the buckets of a record's files, as the instance knows them, of all its versions or of one."""
    access = current_stats.access
    if not access.has_buckets:
        return []
    items = access.versions(record_id) if versions == "all" else []
    return sorted(access.buckets(items or [record_id]).values())


def _buckets_in_totals(client: Any, scope: Scope, versions: str) -> Steps[list[str]]:
    """Return the buckets of a record's files: older totals of plain records have nothing else to know them by."""
    sources = find_sources(scope, ALWAYS, versions, "file")
    aggs = {"buckets": {"terms": {"field": "bucket_id", "size": _MAX_BUCKETS}}}
    (found,) = yield from fetch(client, [(source, aggs) for source in sources])
    return [group["key"] for group in found.get("buckets", {}).get("buckets", [])]
