"""Count holdings, new records and what users uploaded, from the database."""

from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from invenio_stats.items.access import Identity
from invenio_stats.items.holdings import Holdings
from invenio_stats.proxies import current_stats
from invenio_stats.queries.database import Answer, Asked, DatabaseQuery, Scope
from invenio_stats.queries.database_statements import count_by_owner, count_groups, count_new, page_of


class HoldingsQuery(DatabaseQuery):
    """How many holdings each value of a property has.

    Parameters `by` (`access_status`, `resource_type`, `publication_month`, and for the repository `community`),
    `size`, `page` or `after`. The answer has `count` (of values), `rows` with `rank`, `id` and `records`, the most
    records first (months: the newest first), `unknown` (records without a value, or in no community) and `next`. A
    community that the asker may not see keeps its rank and number, without `id`; others have their `title`.
    """

    names = ("by", "size", "page", "after")
    orders = ("access_status", "resource_type", "publication_month", "community")

    def __init__(self, name: str, scope: Scope = "repository"):
        """Take the scope; the holdings of a community are not split by community."""
        super().__init__(name, scope)
        if scope == "community":
            self.orders = self.orders[:-1]

    def statement(self, holdings: Holdings, asked: Asked) -> Any:
        """Return the statement for one page of values."""
        order = {"id": True} if asked.by == "publication_month" else {"records": True, "id": False}
        return page_of(count_groups(holdings, asked.by, asked.community), order, asked.size, asked.offset)

    def present(self, asked: Asked, rows: list[dict[str, Any]], now: datetime, identity: Identity) -> Answer:
        """Return the list, with the titles of communities that the asker may see."""
        answer = _list_of(rows, asked, ("records",))
        if asked.by == "community":
            labels = [row["id"] for row in answer["rows"]]
            titles = current_stats.access.communities(identity, labels)
            for row in answer["rows"]:
                title = titles.get(row["id"])
                row.update({"title": title} if title else {"id": None, "title": _("A restricted community")})
        return answer


class UploadersQuery(DatabaseQuery):
    """Who owns the most holdings.

    Parameters `by` (`records`, `files`, `bytes`), `size`, `page` or `after`. The answer has `count` (of owners), `rows`
    with `rank`, `id` (of the user), `name` (if known), `records`, `files` and `bytes` (of the newest versions),
    `unknown` (records without an owner) and `next`. It names people: give it a permission factory.
    """

    names = ("by", "size", "page", "after")
    orders = ("records", "files", "bytes")
    names_people = True

    def statement(self, holdings: Holdings, asked: Asked) -> Any:
        """Return the statement for one page of owners."""
        order = {asked.by: True, "id": False}
        return page_of(count_by_owner(holdings, asked.community), order, asked.size, asked.offset)

    def present(self, asked: Asked, rows: list[dict[str, Any]], now: datetime, identity: Identity) -> Answer:
        """Return the list, with the names of users."""
        answer = _list_of(rows, asked, self.orders)
        names = current_stats.access.user_names(row["id"] for row in answer["rows"])
        for row in answer["rows"]:
            row["name"] = names.get(row["id"])
        return answer


class NewRecordsQuery(DatabaseQuery):
    """How many holdings are new in each month, by the day of their first publication in UTC, and of how many owners.

    Parameters `from` and `to` (`2026`, `2026-05` or `2026-05-31`, both ends included; by default from the first
    holding until now). The answer has `from`, `to` and `points` with `date` (the first day of the month), `state`
    (`whole`, or `running`), `records` and `uploaders`; months without new records are there, too.
    """

    names = ("from", "to")

    def statement(self, holdings: Holdings, asked: Asked) -> Any:
        """Return the statement for the months that have new records."""
        return count_new(holdings, asked.community, asked.first, asked.last)

    def present(self, asked: Asked, rows: list[dict[str, Any]], now: datetime, identity: Identity) -> Answer:
        """Return a point for every month of the range."""
        counted = {row["month"]: row for row in rows}
        first = asked.first or (f"{rows[0]['month']}-01" if rows else None)
        points = []
        for month in _months(first[:7], asked.last[:7]) if first else []:
            row = counted.get(month, {"records": 0, "uploaders": 0})
            state = "running" if month == f"{now:%Y-%m}" else "whole"
            points.append(
                {"date": f"{month}-01", "state": state, "records": row["records"], "uploaders": row["uploaders"]}
            )
        return {"from": first, "to": asked.last, "points": points}


def _list_of(rows: list[dict[str, Any]], asked: Asked, metrics: tuple[str, ...]) -> Answer:
    count = rows[0]["count"]
    shown = [
        {"rank": asked.offset + number, "id": row["id"], **{metric: row[metric] for metric in metrics}}
        for number, row in enumerate(rows, start=1)
        if row["id"] is not None
    ]
    end = asked.offset + len(shown)
    return {
        "count": count,
        "rows": shown,
        "unknown": rows[0]["unknown"],
        "next": str(end) if shown and end < count else None,
    }


def _months(first: str, last: str) -> list[str]:
    numbers = [int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last)]
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(numbers[0], numbers[1] + 1)]
