"""Check settings that are numbers, True or False when the application starts."""

from collections.abc import Mapping
from typing import Any

from invenio_stats.errors import ConfigurationError

NUMBERS: Mapping[str, tuple[float, float, bool]] = {
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
