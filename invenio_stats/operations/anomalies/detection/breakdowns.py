"""Read the uses by country and by referring host on a day, and on the days that it is compared with."""

from collections import defaultdict
from datetime import date

from invenio_stats.core.breakdowns import DIMENSIONS, REPOSITORY, UNKNOWN, Use
from invenio_stats.core.unusual_days import ADDEND, HISTORY, Series
from invenio_stats.core.weekdays import same_weekdays
from invenio_stats.operations.anomalies.detection.requests import midnight
from invenio_stats.operations.anomalies.detection.sources import Sources


def read_values(sources: Sources, day: date) -> list[Series]:
    """Return the countries and hosts that had 100 uses or more; one request for every 20 documents, which are 18.

    One that had no use before is not new: there is no launch of a country, and a launch of a record is told by its
    items. Values beyond the bound of a day's document are not looked at; they have the fewest uses. A day of which no
    country, or no host, is known at all tells nothing of any: nobody could look them up, or they were not counted.
    """
    if sources.breakdowns is None:
        return []
    uses: dict[tuple[str, str], dict[date, int]] = defaultdict(dict)
    told: dict[str, set[date]] = defaultdict(set)
    days = [midnight(known) for known in (day, *same_weekdays(day))]
    for start, found in sources.breakdowns.of_days(days, REPOSITORY):
        for row in found.breakdown.rows:
            uses[found.dimension, row.value][start.date()] = row.use.investigations
        if found.breakdown.other != Use() or any(row.value != UNKNOWN for row in found.breakdown.rows):
            told[found.dimension].add(start.date())
    first, before = day - HISTORY, same_weekdays(day)
    untold = {dimension: [known for known in before if known not in told[dimension]] for dimension in DIMENSIONS}
    return [
        Series(
            "country" if dimension == "country" else "referrer", value, counts[day], counts, first, untold[dimension]
        )
        for (dimension, value), counts in uses.items()
        if counts.get(day, 0) >= ADDEND and day in told[dimension]
    ]
