"""Build the SQL statements that count holdings; each question is one statement."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, Subquery, case, func, select, true

from invenio_stats.items.holdings import Holdings


def count_groups(holdings: Holdings, key: str, community: str | None) -> Any:
    """Return how many holdings each value of a property has: columns `id` and `records`."""
    records = _of_scope(holdings, community)
    if key == "community":
        memberships = holdings.memberships
        rows = select(memberships.c.community.label("id"), func.count().label("records"))
        joined = rows.select_from(records).outerjoin(memberships, memberships.c.record == records.c.record)
        return joined.group_by(memberships.c.community)
    value = _month(records.c.publication_date) if key == "publication_month" else records.c[key]
    return select(value.label("id"), func.count().label("records")).group_by(value)


def count_by_owner(holdings: Holdings, community: str | None) -> Any:
    """Return what each user uploaded: columns `id`, `records`, `files`, `bytes`."""
    records = _of_scope(holdings, community)
    sums = [func.sum(records.c[name]).label(name) for name in ("files", "bytes")]
    return select(records.c.owner.label("id"), func.count().label("records"), *sums).group_by(records.c.owner)


def count_new(holdings: Holdings, community: str | None, first: str | None, last: str) -> Any:
    """Return new holdings and their owners by month: columns `month`, `records`, `uploaders`."""
    records = _of_scope(holdings, community)
    month = func.substr(records.c.day, 1, 7)
    counted = select(
        month.label("month"), func.count().label("records"), func.count(records.c.owner.distinct()).label("uploaders")
    ).where(records.c.day <= last)
    if first is not None:
        counted = counted.where(records.c.day >= first)
    return counted.group_by(month).order_by(month)


def page_of(groups: Any, order: Mapping[str, bool], size: int, offset: int) -> Any:
    """Return one page of groups, in an order of columns (True: descending); groups without a value are no rows.

    Each row also has `count`, the number of all groups, and `unknown`, the records without a value. There is always a
    row, in which `id` is NULL if the page is empty.
    """
    everything = groups.cte("everything")
    heads = select(
        func.count(everything.c.id).label("count"),
        func.coalesce(func.sum(case((everything.c.id.is_(None), everything.c.records))), 0).label("unknown"),
    ).subquery("heads")

    def in_order(columns: Any) -> list[Any]:
        return [columns[name].desc() if descends else columns[name].asc() for name, descends in order.items()]

    page = (
        select(everything)
        .where(everything.c.id.is_not(None))
        .order_by(*in_order(everything.c))
        .limit(size)
        .offset(offset)
        .subquery("page")
    )
    rows = select(heads, page).select_from(heads).outerjoin(page, true())
    return rows.order_by(*in_order(page.c))


def _of_scope(holdings: Holdings, community: str | None) -> Subquery:
    if community is None:
        return holdings.records
    memberships = holdings.memberships
    members: Select[Any] = select(memberships.c.record).where(memberships.c.community == community)
    return select(holdings.records).where(holdings.records.c.record.in_(members)).subquery("members")


def _month(date: Any) -> Any:
    """Return the month of a date of publication, of an interval the first; NULL if less than the month is known."""
    is_month = func.substr(date, 5, 1) == "-"
    return case((is_month, func.substr(date, 1, 7)))
