"""Event indices: those that events are written to exist, with their aliases."""

from datetime import datetime, timezone
from typing import Any

from invenio_search.engine import search

from invenio_stats.core import mappings, names
from invenio_stats.core.intervals import label
from invenio_stats.core.mappings import Field
from invenio_stats.core.month_indices import is_closed
from invenio_stats.processing import month_indices
from invenio_stats.search.indices import add_fields, create_index


def ensure_events_index(
    client: Any,
    alias: str,
    moment: datetime,
    suffix: str = names.DAILY_SUFFIX,
    fields: dict[str, Field] | None = None,
    now: datetime | None = None,
) -> frozenset[str]:
    """Make the index that events of a moment are written to, unless it is there.

    Returns the fields of ours that its mapping refuses: an event that carried them would be rejected.
    With the daily suffix a day becomes an alias of its month's index where there is one, and where the month is
    closed and none of its days has an index. EngineUnavailableError while the days are being made one index.
    """
    index = names.events_index(alias, moment, suffix)
    body = mappings.events_body(alias, fields) if fields else None
    if not client.indices.exists(index):
        month = f"{alias}-{label(moment, 'month')}"
        home = _home(client, month, moment, now) if suffix == names.DAILY_SUFFIX else None
        # A foreign template's alias shows superseded clicks; in the indices that we make it does not.
        create_index(client, home or index, body, aliases={alias: {"filter": mappings.NOT_SUPERSEDED}})
        if home is not None:
            _put_day(client, month, index)
    return add_fields(client, index, {**mappings.EVENT_FIELDS, **(fields or {})})


def _home(client: Any, month: str, moment: datetime, now: datetime | None) -> str | None:
    """Return the index of the month where the events of one of its days belong; None where the day has its own.

    A closed month with indices of days gets more of those, until all of them are made one index.
    """
    found = month_indices.month_index(client, month)
    if (
        found is None
        and is_closed(moment, now or datetime.now(timezone.utc))
        and not month_indices.has_days(client, month)
    ):
        return month
    return found


def _put_day(client: Any, month: str, day: str) -> None:
    """Make a day another name of its month's index, unless somebody has given the day an index meanwhile."""
    holder = month_indices.month_index(client, month)  # asked again: it may be in the making since
    try:
        client.indices.put_alias(index=holder or month, name=day)
    except search.exceptions.RequestError as error:
        if error.error != "invalid_alias_name_exception":
            raise
