"""Parse the settings that describe the platform of COUNTER reports."""

import re
from collections.abc import Mapping
from typing import Any

from invenio_stats.core.counter_months import parse_month
from invenio_stats.core.counter_platform import Platform
from invenio_stats.definitions.counter_settings import check_text
from invenio_stats.errors import ConfigurationError

_REGISTRY_RECORD = r"https://registry\.countermetrics\.org/platform/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def parse_platform(settings: Mapping[str, Any]) -> Platform:
    """Return the platform of COUNTER reports; ConfigurationError if a setting is missing or wrong."""
    name, platform_id = settings["STATS_COUNTER_PLATFORM"], settings["STATS_COUNTER_PLATFORM_ID"]
    if not isinstance(platform_id, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_./]{0,16}", platform_id):
        raise ConfigurationError(
            f"STATS_COUNTER_PLATFORM_ID is {platform_id!r}. Set it to at most 17 letters, digits and _ . / that begin "
            "with a letter, such as 'example'; COUNTER reports need it beside STATS_COUNTER_PLATFORM."
        )
    record = settings["STATS_COUNTER_REGISTRY_RECORD"]
    if record is not None and not (isinstance(record, str) and re.fullmatch(_REGISTRY_RECORD, record)):
        raise ConfigurationError(
            f"STATS_COUNTER_REGISTRY_RECORD is {record!r}. Set it to the platform's address in COUNTER's registry, "
            "'https://registry.countermetrics.org/platform/' and a UUID, or to None."
        )
    first_month = settings["STATS_COUNTER_FIRST_MONTH"]
    try:
        if first_month is not None:
            parse_month(first_month)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"STATS_COUNTER_FIRST_MONTH is {first_month!r}. Write the month as '2026-05', or set it to None."
        ) from error
    _check_rate_limit(settings["STATS_COUNTER_RATE_LIMIT"])
    name = check_text("STATS_COUNTER_PLATFORM", name)
    created_by = settings["STATS_COUNTER_CREATED_BY"]
    return Platform(
        name,
        platform_id,
        name if created_by is None else check_text("STATS_COUNTER_CREATED_BY", created_by),
        record or "",
        first_month,
        bool(settings["STATS_COUNTER_COUNTRIES"]),
    )


def _check_rate_limit(value: Any) -> None:
    from limits import parse_many  # only where there are COUNTER reports

    try:
        if value is not None:
            parse_many(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"STATS_COUNTER_RATE_LIMIT is {value!r}. Write it as '60 per minute', or set it to None for no limit."
        ) from error
