"""Create the indices that events are written to, with their aliases."""

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
    """Create the index for the events of a moment, if it does not exist.

    Returns the fields that its mapping rejects: an event with one of them could not be stored. With the daily suffix,
    the name of the day becomes an alias of the month's index if there is one, or if the month is closed and none of its
    days has an index. EngineUnavailableError while the month is being compacted.
    """
    index = names.events_index(alias, moment, suffix)
    body = mappings.events_body(alias, fields) if fields else None
    if not client.indices.exists(index):
        month = f"{alias}-{label(moment, 'month')}"
        home = _home(client, month, moment, now) if suffix == names.DAILY_SUFFIX else None
        # An index template of another program may set the alias without a filter: superseded clicks would be visible.
        create_index(client, home or index, body, aliases={alias: {"filter": mappings.NOT_HIDDEN}})
        if home is not None:
            _put_day(client, month, index)
    return add_fields(client, index, {**mappings.EVENT_FIELDS, **(fields or {})})


def _home(client: Any, month: str, moment: datetime, now: datetime | None) -> str | None:
    """Return the month's index if the events of a day belong there; None if the day gets its own index.

    A closed month that has daily indices gets further ones, until it is compacted.
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
    """Make the name of a day an alias of its month's index, unless another process has created the day's index."""
    # Read again: a compaction may have started, which raises EngineUnavailableError.
    holder = month_indices.month_index(client, month)
    try:
        client.indices.put_alias(index=holder or month, name=day)
    except search.exceptions.RequestError as error:
        if error.error != "invalid_alias_name_exception":
            raise
