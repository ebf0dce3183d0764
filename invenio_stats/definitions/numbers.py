"""Settings: the plain numbers of the configuration, checked when the application starts."""

from collections.abc import Mapping
from typing import Any

from invenio_stats.errors import ConfigurationError

NUMBERS: Mapping[str, tuple[float, float, bool]] = {
    "STATS_DEAD_LETTERS_DAYS": (0, 36_500, False),
    "STATS_LEASE_SECONDS": (1, 86_400, False),
    "STATS_PROCESS_SECONDS": (0, 31_536_000, True),
    "STATS_SPOOL_MAX_MB": (0, 1_048_576, False),
}
"""By setting the least and the most that it may be, and whether None is no limit."""


def check_numbers(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a setting that is no number, or not within its bounds."""
    for setting, (least, most, or_none) in NUMBERS.items():
        value = config[setting]
        if value is None and or_none:
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:
            none = ", or to None for no limit" if or_none else ""
            raise ConfigurationError(f"{setting} is {value!r}. Set it to a number from {least} to {most}{none}.")
