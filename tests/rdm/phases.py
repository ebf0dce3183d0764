"""The upgrade of an instance in phases: who comes in each, what is looked at after it, and what is expected."""

from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from .instance import EVENT_TYPES, Instance
from .processes import Program, Web
from .visits import Visitor, addresses

PEOPLE = 5
"""Visitors of each phase; those of two phases are never the same."""

PAST = [datetime.now(timezone.utc) - timedelta(days=days) for days in (40, 3, 2)]


class Phase(NamedTuple):
    """What there was at the end of a phase, under the release that worked in it."""

    waiting: dict
    counted: dict
    totals: dict
    bookmarks: dict
    said: dict


def observe(instance: Instance, **said) -> Phase:
    """Look at queues, totals and bookmarks."""
    bookmarks = instance.documents("stats-bookmarks")
    return Phase(instance.waiting(), instance.counted(), instance.totals(), bookmarks, said)


def visit(web: Web, records: dict, phase: int) -> None:
    """Look at both versions and take both files, once each: the two releases fold double clicks differently."""
    for address in addresses(20 * phase, PEOPLE):
        visitor = Visitor(web.url, address)
        for version in ("v1", "v2"):
            visitor.view(records[version])
            visitor.download(records[version], records["file"])
        visitor.close()


def publish_past(program: Program, records: dict, days: list[datetime], addresses: list[str]) -> None:
    """Publish views and downloads of the first version on other days."""
    visits = [[f"{day:%Y-%m-%dT12:00:00}", address] for day in days for address in addresses]
    for event_type in EVENT_TYPES:
        program.call("publish", event_type, records["v1"], records["file"], visits)


def expected(records: dict, phases: int, past: int) -> dict:
    """Return (count, unique count) of both versions after some phases, with some visits on days of the past."""
    today = PEOPLE * phases
    return {
        (event_type, records[version]): (count, count)
        for event_type in EVENT_TYPES
        for version, count in (("v1", today + past), ("v2", today))
    }


def days_of(totals: dict, *days: datetime) -> dict:
    """Return the totals of some days."""
    return {key: total for key, total in totals.items() if key[-10:] in {f"{day:%Y-%m-%d}" for day in days}}


def counts_of(totals: dict) -> dict:
    """Return what totals count."""
    return {key: total["count"] for key, total in totals.items()}
