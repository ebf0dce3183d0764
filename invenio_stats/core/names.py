"""Build the names of queues, indices, aliases and documents; no other module spells them.

The names are without the instance's prefix; `invenio_search.utils.prefix_index` adds it.
"""

import hashlib
import re
from datetime import datetime

from invenio_stats.core.intervals import Interval, label
from invenio_stats.core.moments import utc

EVENTS_PREFIX = "events"
DAILY_SUFFIX = "%Y-%m-%d"
BOOKMARKS = "stats-bookmarks"
REBUILD = "rebuild-"
"""Beginning of the names of the bookmarks that keep the progress of a rebuild."""
EXPIRY = "expiry:"
"""Beginning of the names of what runs that delete old raw events share, for each group of event types."""
SEARCH_RESULTS = "search-results"
"""Name of the bookmark that says up to when InvenioRDM's search results have the numbers of records."""
AGENTS = "stats-agents"
"""Queue and index of the user-agent catalog."""
OBJECTIONS = "stats-objections"
"""Queue of the numbers of events that were not built because their visitors object."""
INGEST = "stats-ingest"
"""Index of the counters of events that were dropped or rejected."""
LOCKS = "stats-locks"
"""Index of the leases of aggregations and of their quarantined totals."""
INSTANCES = "stats-instances"
"""Queue with the names of the instances that use a virtual host of the broker."""
COMPLETENESS = "stats-completeness"
"""Index of the first complete day of each event type."""
ITEM_USAGE = "stats-item-usage"
"""Alias of the usage totals of items: COUNTER's items, of which each version is one."""
FORMER_ITEMS = "stats-former-items"
"""Index of the items and parents that have lost a usage total."""
RECORD_USAGE = "stats-record-usage"
"""Alias of the usage totals of records, all versions together."""
USAGE_BREAKDOWN = "stats-usage-breakdown"
"""Alias of the breakdowns of usage by country and by referrer."""
SEARCHES = "stats-search"
"""Alias of the totals of searches; not in `OWN`, because it is named after their event type, `search`."""
CORRECTIONS = "stats-corrections"
"""Index of the corrections of published numbers."""
ANOMALIES = "stats-anomalies"
"""Index of the unusual days and months, and of what a person has decided about them."""
COUNTER_PREFIX = "stats-counter-"
"""Beginning of the names of what COUNTER reports are made from."""
COUNTER_USAGE = f"{COUNTER_PREFIX}usage"
"""Alias of the usage of closed months, of each month its newest revision."""
COUNTER_MONTHS = f"{COUNTER_PREFIX}months"
"""Index of the closed months: state, revision, sums and log of each."""
COUNTER_ITEMS = f"{COUNTER_PREFIX}items"
"""Index of what was last known of the items in closed months."""
COUNTER_REQUESTORS = f"{COUNTER_PREFIX}requestors"
"""Index of the requestors of the COUNTER API."""
OWN = (
    BOOKMARKS,
    AGENTS,
    OBJECTIONS,
    INGEST,
    LOCKS,
    COMPLETENESS,
    INSTANCES,
    ITEM_USAGE,
    FORMER_ITEMS,
    RECORD_USAGE,
    USAGE_BREAKDOWN,
    CORRECTIONS,
    ANOMALIES,
)
"""Names of our own indices, aliases and queues, which the totals of an event type cannot have."""

QUEUES_WITHOUT_EVENTS = (AGENTS, OBJECTIONS)
"""Our own queues, whose messages are no events."""

_DEAD = "-dead"
_MAX_KEY_BYTES = 480


def queue(event_type: str) -> str:
    """Return the name and routing key of an event type's queue."""
    return f"stats-{event_type}"


def dead_letters(queue_name: str) -> str:
    """Return the name of the dead-letter queue of a queue."""
    return f"{queue_name}{_DEAD}"


def is_dead_letters(queue_name: str) -> bool:
    """Return True for the name of a dead-letter queue."""
    return queue_name.endswith(_DEAD)


def is_queue(name: str) -> bool:
    """Return True for the name of a queue of events, of their dead letters, or of the catalog.

    That may be a queue of an event type which is configured no longer: what waits there is kept.
    """
    return name.startswith(queue("")) and name not in (queue(""), INSTANCES)


def events_alias(event_type: str, prefix: str = EVENTS_PREFIX) -> str:
    """Return the alias of all raw events of a type."""
    return f"{prefix}-{queue(event_type)}"


def events_index(alias: str, moment: datetime, suffix: str = DAILY_SUFFIX) -> str:
    """Return the index (or, after compaction, the day's alias) to which an event of that moment is written."""
    return f"{alias}-{utc(moment).strftime(suffix)}"


def check_suffix(value: object) -> str:
    """Return the date format at the end of the names of event indices; a ValueError tells how to write it."""
    if not isinstance(value, str) or not re.fullmatch(r"(%[YmdHjGV]|[a-z0-9_-])+", value) or "%" not in value:
        raise ValueError(f"suffix is {value!r}; write it as a date format in lower case, such as '%Y-%m-%d'.")
    return value


def is_own(name: str) -> bool:
    """Return True for the name of an index or alias of ours that belongs to no event type."""
    return name in OWN or name.startswith(COUNTER_PREFIX)


def totals_alias(event_type: str) -> str:
    """Return the alias of all totals of an event type."""
    return f"stats-{event_type}"


def totals_index(event_type: str, start: datetime, index_interval: Interval) -> str:
    """Return the index to which the total of an interval is written."""
    return f"{totals_alias(event_type)}-{label(start, index_interval)}"


def counter_usage_index(month: str, revision: int) -> str:
    """Return the name of a revision of a closed month ('2026-05'): an alias of the index that has its usage."""
    return f"{COUNTER_USAGE}-{month}-r{revision}"


def counter_usage_month(index: str) -> str:
    """Return the month of an index of usage, whose name is that of the revision and what its writer has added."""
    match = re.search(rf"{COUNTER_USAGE}-([0-9]{{4}}-[0-9]{{2}})-r[0-9]", index)
    if match is None:
        raise ValueError(f"{index} is not the index of a closed month")
    return match[1]


def automated_alias(event_type: str) -> str:
    """Return the alias of the totals of automated traffic: robots, AI agents and machines, by class."""
    return f"stats-automated-{event_type}"


def automated_aggregation(aggregation: str) -> str:
    """Return the name of the aggregation that counts the automated traffic which another leaves out."""
    return f"{aggregation}-automated"


def total_id(key: str, date: str) -> str:
    """Return the document id of the total of one item and interval; a later run overwrites that document.

    `date` is the date of the interval in the format of ids (`intervals.label`).

    A key that is too long for the search engine's ids (512 bytes) is replaced by its hash.
    """
    return f"{document_id(key)}-{date}"


def document_id(key: str) -> str:
    """Return a key as a document id, or its hash if it is too long for one."""
    return hashlib.sha256(key.encode()).hexdigest() if len(key.encode()) > _MAX_KEY_BYTES else key
