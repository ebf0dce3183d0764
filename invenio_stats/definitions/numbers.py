"""Check settings that are numbers, True or False when the application starts."""

from collections.abc import Mapping
from typing import Any

from invenio_stats.errors import ConfigurationError

USUAL_MONTHS = 13
"""Calendar months of raw events: identifiers of visitors live for 13 months at most (conditions of the CNIL)."""
MOST_MONTHS = 25
"""Months after which raw data goes by the same conditions; more need a reason."""
LEAST_MONTHS = 2
"""The running month and the one before it: events of the last days may still come late."""

NUMBERS: Mapping[str, tuple[float, float, bool]] = {
    "STATS_AGENTS_MAX": (100, 100_000_000, False),
    "STATS_BREAKDOWN_MIN_USES": (1, 1_000_000_000, False),
    "STATS_BREAKDOWN_VALUES": (1, 10_000, False),
    "STATS_COUNTER_CLOSE_AFTER_DAYS": (0, 28, False),
    "STATS_COUNTER_DIR_MAX_MB": (1, 1_048_576, False),
    "STATS_COUNTER_INLINE_ROWS": (0, 1_000_000_000, False),
    "STATS_DEAD_LETTERS_DAYS": (0, 36_500, False),
    "STATS_EXPORT_ROWS": (1, 10_000_000, False),
    "STATS_FOLD_UNDER": (1, 1_000_000, False),
    "STATS_LEASE_SECONDS": (1, 86_400, False),
    "STATS_PROCESS_SECONDS": (0, 31_536_000, True),
    "STATS_QUERY_MAX_BODY_BYTES": (2, 1_073_741_824, False),
    "STATS_QUERY_MAX_BUCKETS": (1, 1_000_000_000, True),
    "STATS_QUERY_MAX_SECONDS": (0.1, 86_400, True),
    "STATS_RETENTION_EVENTS_MONTHS": (LEAST_MONTHS, 1_200, False),
    "STATS_SPOOL_MAX_MB": (0, 1_048_576, False),
}
"""By setting: minimum, maximum, and whether it may be None for no limit."""


def check_numbers(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError if a setting is not a number or outside its bounds."""
    for setting, (minimum, maximum, may_be_none) in NUMBERS.items():
        value = config[setting]
        if value is None and may_be_none:
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not minimum <= value <= maximum:
            none = ", or to None for no limit" if may_be_none else ""
            raise ConfigurationError(f"{setting} is {value!r}. Set it to a number from {minimum} to {maximum}{none}.")


SWITCHES = (
    "STATS_COUNTER_COUNTRIES",
    "STATS_COUNTER_INSECURE",
    "STATS_EVENTS_UTC_DATETIME_ENABLED",
    "STATS_LOG_ERROR_TEXTS",
    "STATS_PAGES_ENABLED",
    "STATS_REGISTER_INDEX_TEMPLATES",
    "STATS_REGISTER_RECEIVERS",
)
"""Settings that are True or False."""

CHOICES: Mapping[str, tuple[str, ...]] = {"STATS_PAGES_HEADLINE": ("total", "unique")}
"""Settings that are one of a few texts."""


def check_switches(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a value that is no truth value: the text 'False' would be taken for True.

    0, 1 and None are values of existing instances.
    """
    for setting in SWITCHES:
        if config[setting] not in (True, False, None):
            raise ConfigurationError(f"{setting} is {config[setting]!r}. Set it to True or False.")


def check_choices(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a value that is none of those that a setting may have."""
    for setting, values in CHOICES.items():
        if config[setting] not in values:
            raise ConfigurationError(f"{setting} is {config[setting]!r}. Set it to one of: {', '.join(values)}.")


def check_retention(settings: Mapping[str, Any]) -> None:
    """Raise ConfigurationError if the months of raw events are no number, or too many without a reason."""
    months, override = settings["STATS_RETENTION_EVENTS_MONTHS"], settings["STATS_RETENTION_OVERRIDE"]
    if override is not None and not (isinstance(override, str) and override.strip()):
        raise ConfigurationError(f"STATS_RETENTION_OVERRIDE is {override!r}. Set it to the reason, or to None.")
    if not isinstance(months, int) or isinstance(months, bool) or months < LEAST_MONTHS:
        raise ConfigurationError(
            f"STATS_RETENTION_EVENTS_MONTHS is {months!r}. Set it to a whole number of months, {LEAST_MONTHS} or more."
        )
    if months > MOST_MONTHS and override is None:
        raise ConfigurationError(
            f"STATS_RETENTION_EVENTS_MONTHS is {months!r}. Raw events are personal data: set it to {MOST_MONTHS} or "
            "less, or STATS_RETENTION_OVERRIDE to the reason why they are kept for longer."
        )
