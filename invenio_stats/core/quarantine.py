"""Quarantined totals: a run could not build or write them; the others go on, and every later run retries these."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.core.moments import iso_zoned, parse

MAX_QUARANTINED = 200
"""Totals that an aggregation quarantines; where more fail, its bookmark stays instead."""


class QuarantinedTotal(NamedTuple):
    """One total that failed."""

    start: datetime
    """Of its interval."""
    key: Any
    error: str
    """Type of the error; its text may quote a document."""
    since: datetime


def after_run(
    quarantined: Iterable[QuarantinedTotal], worked: Collection[datetime], failed: Iterable[QuarantinedTotal]
) -> list[QuarantinedTotal]:
    """Return what is quarantined after a run that worked on these intervals, of which these totals failed."""
    known = {(one.start, one.key): one for one in quarantined}
    kept = {place: one for place, one in known.items() if one.start not in worked}
    for one in failed:
        before = known.get((one.start, one.key))
        kept[one.start, one.key] = one if before is None else one._replace(since=before.since)
    return sorted(kept.values(), key=lambda one: (one.start, str(one.key)))


def read_quarantined(source: Mapping[str, Any]) -> list[QuarantinedTotal]:
    """Return what the document of an aggregation says to be quarantined."""
    return [
        QuarantinedTotal(parse(one["interval"]), one["key"], one["error"], parse(one["since"]))
        for one in source.get("quarantined", ())
    ]


def write_quarantined(quarantined: Iterable[QuarantinedTotal]) -> list[dict[str, Any]]:
    """Return what is quarantined as the document holds it."""
    return [
        {"interval": iso_zoned(one.start), "key": one.key, "error": one.error, "since": iso_zoned(one.since)}
        for one in quarantined
    ]
