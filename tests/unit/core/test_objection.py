"""Which requests object to being counted."""

from itertools import product

import pytest

from invenio_stats.core.objection import COOKIE_DAYS, SIGNALS, Preferences, find_objections

DEFAULT = ("cookie", "gpc")


@pytest.mark.parametrize(
    ("preferences", "heeded", "expected"),
    [
        pytest.param(Preferences(), DEFAULT, (), id="nothing said"),
        pytest.param(Preferences(cookie="1"), DEFAULT, ("cookie",), id="chosen"),
        pytest.param(Preferences(cookie=" 1 "), DEFAULT, ("cookie",), id="blanks"),
        pytest.param(Preferences(cookie=""), DEFAULT, (), id="deleted cookie"),
        pytest.param(Preferences(cookie="0"), DEFAULT, (), id="cookie of consent"),
        pytest.param(Preferences(cookie="true"), DEFAULT, (), id="cookie of another program"),
        pytest.param(Preferences(gpc="1"), DEFAULT, ("gpc",), id="GPC"),
        pytest.param(Preferences(gpc="0"), DEFAULT, (), id="GPC, another value"),
        pytest.param(Preferences(gpc="?1"), DEFAULT, (), id="GPC, not as it is defined"),
        pytest.param(Preferences(gpc="1,1"), DEFAULT, ("gpc",), id="GPC, by the browser and by an extension"),
        pytest.param(Preferences(dnt="0, 1"), SIGNALS, ("dnt",), id="DNT, by two programs that differ"),
        pytest.param(Preferences(gpc="11"), DEFAULT, (), id="GPC, another number"),
        pytest.param(Preferences(cookie="0,1"), DEFAULT, (), id="cookie with a list of another program"),
        pytest.param(Preferences(dnt="1"), DEFAULT, (), id="DNT is not heeded by default"),
        pytest.param(Preferences(dnt="1"), SIGNALS, ("dnt",), id="DNT where it is heeded"),
        pytest.param(Preferences(dnt="0"), SIGNALS, (), id="DNT, consent"),
        pytest.param(Preferences(dnt="null"), SIGNALS, (), id="DNT, no wish"),
        pytest.param(Preferences("1", "1", "1"), SIGNALS, SIGNALS, id="all of them"),
        pytest.param(Preferences("1", "1", "1"), (), (), id="nothing is heeded"),
        pytest.param(Preferences("1", "1", "1"), {"dnt"}, ("dnt",), id="only one is heeded"),
        pytest.param(Preferences(cookie="0", gpc="1"), DEFAULT, ("gpc",), id="a signal stands against a cookie"),
    ],
)
def test_the_table_of_signals(preferences, heeded, expected):
    assert find_objections(preferences, heeded) == expected


def test_a_signal_counts_by_itself():
    """Whatever the others say, each heeded 1 is an objection, and nothing else is one."""
    for values in product(("1", "0", None), repeat=3):
        for heeded in ((), ("cookie",), ("gpc", "dnt"), SIGNALS):
            found = find_objections(Preferences(*values), heeded)
            assert {*found} == {
                name for name, value in zip(SIGNALS, values, strict=True) if value == "1" and name in heeded
            }


def test_a_choice_is_kept_for_thirteen_months():
    """13 months have 393 to 397 days; browsers cut what is longer than 400."""
    assert 393 <= COOKIE_DAYS <= 397
