"""Read which salts exist and when they expire, without reading the salts."""

from datetime import date, timedelta
from math import inf
from typing import NamedTuple

from invenio_cache import current_cache

from invenio_stats.privacy.salt_stores import SALT_LIFETIME_SECONDS, salt_store

DAYS_LOOKED_AT = 8
"""Days up to today whose salt is looked for; it should live for two."""


class SaltAge(NamedTuple):
    """The salt of a day."""

    day: str
    hours: float | None
    """Age; None if the cache does not tell it."""
    expires: bool
    """False if the cache will never delete it."""

    @property
    def is_overdue(self) -> bool:
        """Whether the salt should have gone."""
        return not self.expires or (self.hours is not None and self.hours * 3600 > SALT_LIFETIME_SECONDS)


def find_salts(today: date) -> list[SaltAge]:
    """Return the salts of the last days, oldest first; the client's error if the cache does not answer."""
    store = salt_store(current_cache.cache)
    found = []
    for number in reversed(range(DAYS_LOOKED_AT)):
        day = (today - timedelta(days=number)).isoformat()
        left = store.seconds_left(day)
        if left is None and store.get(day) is None:
            continue
        hours = None if left is None or left == inf else round((SALT_LIFETIME_SECONDS - left) / 3600, 1)
        found.append(SaltAge(day, hours, left != inf))
    return found
