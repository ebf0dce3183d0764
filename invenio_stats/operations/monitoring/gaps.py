"""Find and list the gaps of the configured event types."""

from collections.abc import Iterable
from datetime import date, datetime, timezone
from typing import NamedTuple

from invenio_search import current_search_client

from invenio_stats.completeness import gaps
from invenio_stats.core.gaps import MISSING_REASONS, Gap, Reason
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.proxies import current_stats
from invenio_stats.search.multi_get import read


class FoundGaps(NamedTuple):
    """The gaps of one event type, and when they were found: None if nobody has looked for any."""

    found: datetime | None
    gaps: list[Gap]


def find_all() -> int:
    """Find the gaps of all event types; return how many there are."""
    now = datetime.now(timezone.utc)
    missing: dict[str, dict[Reason, dict[date, int]]] = {}
    for line in ingest_counters.lines(current_search_client, date.min, now.date()):
        for reason in MISSING_REASONS:
            if line.reason == reason:
                missing.setdefault(line.event_type, {}).setdefault(reason, {})[line.day] = line.count
    return sum(
        len(gaps.find_gaps(current_search_client, event_type, missing.get(event_type, {}), now))
        for event_type in current_stats.events
    )


def stored(event_types: Iterable[str]) -> dict[str, FoundGaps]:
    """Return the gaps of some event types as they were found last."""
    types = list(event_types)
    answers = read(current_search_client, map(gaps.gaps_ref, types)) if types else []
    return {
        event_type: FoundGaps(gaps.found_at(answer), gaps.gaps_in(answer))
        for event_type, answer in zip(types, answers, strict=True)
    }
