"""Check for how long raw events are kept."""

from collections.abc import Mapping
from typing import Any

from invenio_stats.core.retention import LEAST_MONTHS, MOST_MONTHS
from invenio_stats.errors import ConfigurationError

MONTHS = "STATS_RETENTION_EVENTS_MONTHS"
OVERRIDE = "STATS_RETENTION_OVERRIDE"


def check_retention(settings: Mapping[str, Any]) -> None:
    """Raise ConfigurationError if the months of raw events are no number, or too many without a reason."""
    override = settings[OVERRIDE]
    if override is not None and not (isinstance(override, str) and override.strip()):
        raise ConfigurationError(f"{OVERRIDE} is {override!r}. Set it to the reason as a text, or to None.")
    months = settings[MONTHS]
    if not isinstance(months, int) or isinstance(months, bool) or months < LEAST_MONTHS:
        raise ConfigurationError(f"{MONTHS} is {months!r}. Set it to a whole number of months, {LEAST_MONTHS} or more.")
    if months > MOST_MONTHS and override is None:
        raise ConfigurationError(
            f"{MONTHS} is {months!r}. Raw events are personal data: set it to {MOST_MONTHS} or less, or {OVERRIDE} to "
            "the reason why they are kept for longer."
        )
