"""Keep the list of quarantined totals, which a run could not build or write and every later run retries."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.core.moments import iso_zoned, parse

MAX_QUARANTINED = 200
"""Number of totals that an aggregation may quarantine; if more fail, its bookmark does not move instead."""


class QuarantinedTotal(NamedTuple):
    """One total that could not be built or written."""

    start: datetime
    """Start of the total's interval."""
    key: Any
    error: str
    """Type of the error; its text is not kept, because it may quote a document."""
    since: datetime


def after_run(
    quarantined: Iterable[QuarantinedTotal], worked: Collection[datetime], failed: Iterable[QuarantinedTotal]
) -> list[QuarantinedTotal]:
    """Return the quarantined totals after a run that worked on these intervals, of which these totals failed.

    A total of the intervals worked on that did not fail leaves the quarantine; one that failed again keeps its `since`.
    """
    known = {(total.start, total.key): total for total in quarantined}
    kept = {start_and_key: total for start_and_key, total in known.items() if total.start not in worked}
    for total in failed:
        before = known.get((total.start, total.key))
        kept[total.start, total.key] = total if before is None else total._replace(since=before.since)
    return sorted(kept.values(), key=lambda total: (total.start, str(total.key)))


def read_quarantined(source: Mapping[str, Any]) -> list[QuarantinedTotal]:
    """Return the quarantined totals stored in the document of an aggregation."""
    return [
        QuarantinedTotal(parse(entry["interval"]), entry["key"], entry["error"], parse(entry["since"]))
        for entry in source.get("quarantined", ())
    ]


def write_quarantined(quarantined: Iterable[QuarantinedTotal]) -> list[dict[str, Any]]:
    """Return quarantined totals in the form in which the document of an aggregation stores them."""
    return [
        {"interval": iso_zoned(total.start), "key": total.key, "error": total.error, "since": iso_zoned(total.since)}
        for total in quarantined
    ]
