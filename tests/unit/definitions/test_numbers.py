"""Numbers of the configuration: a mistake stops the start, and says what to do."""

import math

import pytest

from invenio_stats import config
from invenio_stats.definitions.numbers import NUMBERS, SWITCHES, check_numbers, check_switches
from invenio_stats.errors import ConfigurationError

DEFAULTS = {name: getattr(config, name) for name in dir(config) if name.startswith("STATS_")}


def test_defaults_are_right():
    check_numbers(DEFAULTS)


def test_every_number_has_bounds():
    numbers = {name for name, value in DEFAULTS.items() if type(value) in (int, float)}
    assert numbers == set(NUMBERS)


@pytest.mark.parametrize("setting", sorted(NUMBERS))
@pytest.mark.parametrize("value", ["120", True, math.nan, math.inf, -1, 10**12, [1]])
def test_what_is_no_number_within_its_bounds_is_refused(setting, value):
    with pytest.raises(ConfigurationError, match=f"{setting} is .*Set it to a number from") as refused:
        check_numbers({**DEFAULTS, setting: value})
    assert repr(value) in str(refused.value)


@pytest.mark.parametrize("setting", sorted(NUMBERS))
def test_both_ends_are_allowed(setting):
    for value in NUMBERS[setting][:2]:
        check_numbers({**DEFAULTS, setting: value})


@pytest.mark.parametrize("setting", sorted(NUMBERS))
def test_none_is_no_limit_where_there_can_be_none(setting):
    if NUMBERS[setting][2]:
        check_numbers({**DEFAULTS, setting: None})
    else:
        with pytest.raises(ConfigurationError):
            check_numbers({**DEFAULTS, setting: None})


def test_a_lease_that_ends_at_once_would_have_two_runs_at_the_same_work():
    with pytest.raises(ConfigurationError, match="STATS_LEASE_SECONDS is 0"):
        check_numbers({**DEFAULTS, "STATS_LEASE_SECONDS": 0})


def test_every_switch_is_checked():
    assert {name for name, value in DEFAULTS.items() if isinstance(value, bool)} == set(SWITCHES)
    check_switches(DEFAULTS)


@pytest.mark.parametrize("setting", SWITCHES)
@pytest.mark.parametrize("value", ["False", "", [], 2])
def test_what_is_no_truth_value_is_refused(setting, value):
    """The text 'False', for example of the environment, would be taken for True."""
    with pytest.raises(ConfigurationError, match=f"{setting} is .* Set it to True or False."):
        check_switches({**DEFAULTS, setting: value})


@pytest.mark.parametrize("value", [0, 1, None])
def test_truth_values_of_existing_instances_are_taken(value):
    check_switches({**DEFAULTS, "STATS_REGISTER_INDEX_TEMPLATES": value})
