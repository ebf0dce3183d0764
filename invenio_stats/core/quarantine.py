"""Asides: totals that a run could not build or write; the rest goes on, and every later run tries them again."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.core.moments import iso_zoned, parse

MAX_QUARANTINED = 200
"""Totals that an aggregation sets aside; where more fail, its bookmark stays instead."""


class Aside(NamedTuple):
    """One total that failed."""

    start: datetime
    """Of its interval."""
    key: Any
    error: str
    """Type of the error; its text may quote a document."""
    since: datetime


def after_run(asides: Iterable[Aside], worked: Collection[datetime], failed: Iterable[Aside]) -> list[Aside]:
    """Return what is set aside after a run that worked on these intervals, of which these totals failed."""
    known = {(one.start, one.key): one for one in asides}
    kept = {place: one for place, one in known.items() if one.start not in worked}
    for one in failed:
        before = known.get((one.start, one.key))
        kept[one.start, one.key] = one if before is None else one._replace(since=before.since)
    return sorted(kept.values(), key=lambda one: (one.start, str(one.key)))


def read_asides(source: Mapping[str, Any]) -> list[Aside]:
    """Return what the document of an aggregation says to be set aside."""
    return [
        Aside(parse(one["interval"]), one["key"], one["error"], parse(one["since"])) for one in source.get("aside", ())
    ]


def write_asides(asides: Iterable[Aside]) -> list[dict[str, Any]]:
    """Return what is set aside as the document holds it."""
    return [
        {"interval": iso_zoned(one.start), "key": one.key, "error": one.error, "since": iso_zoned(one.since)}
        for one in asides
    ]
