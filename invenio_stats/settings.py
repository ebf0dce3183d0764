"""Settings: the plain numbers of the configuration, checked when the application starts."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from invenio_stats.errors import ConfigurationError


class Bounds(NamedTuple):
    """What a number may be, both ends included."""

    least: float
    most: float
    or_none: bool = False


NUMBERS: Mapping[str, Bounds] = {
    "STATS_DEAD_LETTERS_DAYS": Bounds(0, 36_500),
    "STATS_LEASE_SECONDS": Bounds(1, 86_400),
    "STATS_PROCESS_SECONDS": Bounds(0, 31_536_000, or_none=True),
    "STATS_SPOOL_MAX_MB": Bounds(0, 1_048_576),
}
"""By setting."""


def check_numbers(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a setting that is no number, or not within its bounds."""
    for setting, bounds in NUMBERS.items():
        value = config[setting]
        if value is None and bounds.or_none:
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not bounds.least <= value <= bounds.most:
            none = ", or to None for no limit" if bounds.or_none else ""
            raise ConfigurationError(
                f"{setting} is {value!r}. Set it to a number from {bounds.least} to {bounds.most}{none}."
            )
