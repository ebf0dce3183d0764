"""Find what is unusual about a day."""

import logging
from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from invenio_stats.core.anomalies import Anomaly
from invenio_stats.core.unusual_days import Series, judge
from invenio_stats.operations.anomalies.detection.agent_classes import read_classes
from invenio_stats.operations.anomalies.detection.breakdowns import read_values
from invenio_stats.operations.anomalies.detection.items import read_items, read_people
from invenio_stats.operations.anomalies.detection.launches import count_new_uses
from invenio_stats.operations.anomalies.detection.sources import Sources

logger = logging.getLogger(__name__)

MAX_FOUND = 100
"""Findings of a day that are kept: nobody decides about more, and that the whole day is unusual is one of them."""


class _Judged(NamedTuple):
    series: Series
    usual: float


def examine_day(sources: Sources, day: date, now: datetime) -> list[Anomaly]:
    """Return what is unusual about a finished day, the greatest excess first.

    It costs about eight requests, and two more for each class, country or host that seems to be unusual.
    """
    people = read_people(sources, day)
    series = [*read_items(sources, day), people, *read_classes(sources, day), *read_values(sources, day)]
    found = sorted(_judge(sources, series, day, people), key=lambda judged: judged.usual - judged.series.number)
    if len(found) > MAX_FOUND:
        facts = {"day": day.isoformat(), "found": len(found), "kept": MAX_FOUND}
        logger.warning("More is unusual about a day than is kept", extra=facts)
    return [
        Anomaly(day.isoformat(), series.what, series.value, series.number, usual, now)
        for series, usual in found[:MAX_FOUND]
    ]


def _judge(sources: Sources, series: list[Series], day: date, people: Series) -> Iterator[_Judged]:
    for line in series:
        usual = judge(line, day, people.before, lambda found: count_new_uses(sources, found, day))
        if usual is not None:
            yield _Judged(line, usual)
