"""The limit of requests to the COUNTER API is checked when the application starts."""

import pytest

from invenio_stats import config
from invenio_stats.definitions.counter_platform import parse_platform
from invenio_stats.errors import ConfigurationError

SETTINGS = {
    **{name: getattr(config, name) for name in dir(config) if name.startswith("STATS_COUNTER_")},
    "STATS_COUNTER_PLATFORM": "Example Repository",
    "STATS_COUNTER_PLATFORM_ID": "example",
}


@pytest.mark.parametrize("limit", ["60 per minute", "5/second", "60 per minute; 1000 per day", None])
def test_limits_of_the_library_are_known(limit):
    assert parse_platform({**SETTINGS, "STATS_COUNTER_RATE_LIMIT": limit}).platform_id == "example"


@pytest.mark.parametrize("limit", ["", "often", 60, ["60 per minute"], "60 per fortnight"])
def test_any_other_value_is_refused(limit):
    with pytest.raises(ConfigurationError, match="STATS_COUNTER_RATE_LIMIT"):
        parse_platform({**SETTINGS, "STATS_COUNTER_RATE_LIMIT": limit})
