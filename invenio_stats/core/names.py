"""Names of queues, indices, aliases and documents: each is written here and nowhere else.

They are names without the instance's prefix; `invenio_search.utils.prefix_index` puts it before them.
"""

import hashlib
import re
from datetime import datetime

from invenio_stats.core.intervals import Interval, label
from invenio_stats.core.moments import utc

EVENTS_PREFIX = "events"
DAILY_SUFFIX = "%Y-%m-%d"
BOOKMARKS = "stats-bookmarks"
AGENTS = "stats-agents"
"""Queue and index of the agent dictionary."""
INGEST = "stats-ingest"
"""Index of the counters of what became of events that count for nobody."""
LOCKS = "stats-locks"
"""Index of the leases of aggregations, and of the totals that they have quarantined."""
OWN = (BOOKMARKS, AGENTS, INGEST, LOCKS)
"""Names of indices that no event type's totals can have."""

_LONGEST_KEY = 480


def queue(event_type: str) -> str:
    """Return the name and routing key of an event type's queue."""
    return f"stats-{event_type}"


def events_alias(event_type: str, prefix: str = EVENTS_PREFIX) -> str:
    """Return the alias of all raw events of a type."""
    return f"{prefix}-{queue(event_type)}"


def events_index(alias: str, moment: datetime, suffix: str = DAILY_SUFFIX) -> str:
    """Return the index (or the day's alias) that an event of that moment is written to."""
    return f"{alias}-{utc(moment).strftime(suffix)}"


def check_suffix(value: object) -> str:
    """Return the form of the date that ends the names of event indices; ValueError says how to write it."""
    if not isinstance(value, str) or not re.fullmatch(r"(%[YmdHjGV]|[a-z0-9_-])+", value) or "%" not in value:
        raise ValueError(f"suffix is {value!r}; write it as a date form in small letters, such as '%Y-%m-%d'.")
    return value


def totals_alias(event_type: str) -> str:
    """Return the alias of all totals of an event type."""
    return f"stats-{event_type}"


def totals_index(event_type: str, start: datetime, index_interval: Interval) -> str:
    """Return the index that the total of an interval is written to."""
    return f"{totals_alias(event_type)}-{label(start, index_interval)}"


def automated_alias(event_type: str) -> str:
    """Return the alias of automated traffic: robots, AI agents and machines, by class."""
    return f"stats-automated-{event_type}"


def automated_aggregation(aggregation: str) -> str:
    """Return the name of the aggregation that counts the automated traffic which another leaves out."""
    return f"{aggregation}-automated"


def total_id(key: str, date: str) -> str:
    """Return the document id of the total of one thing and interval; a re-run overwrites it.

    `date` is the interval's, as it is written in ids.

    A key that is too long for the engine's ids (512 bytes) stands in it as its hash.
    """
    if len(key.encode()) > _LONGEST_KEY:
        key = hashlib.sha256(key.encode()).hexdigest()
    return f"{key}-{date}"
