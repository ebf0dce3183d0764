"""Mistakes in the settings of objection stop the start: whoever relies on them is told."""

import pytest

from invenio_stats.definitions.objection_settings import check_objection
from invenio_stats.errors import ConfigurationError

GOOD = {"STATS_OBJECTION_SIGNALS": ("cookie", "gpc"), "STATS_OBJECTION_COOKIE": "stats-objection"}


@pytest.mark.parametrize("signals", [(), ["dnt"], {"cookie", "gpc", "dnt"}, ("gpc", "gpc")])
def test_any_of_the_signals_may_be_heeded(signals):
    check_objection({**GOOD, "STATS_OBJECTION_SIGNALS": signals})


@pytest.mark.parametrize("signals", ["cookie", "gpc", None, True, ("GPC",), ("cookie", 1), {"cookie": True}])
def test_an_unknown_signal_is_refused(signals):
    """The text "gpc" would be read as the letters g, p and c: nobody could object."""
    with pytest.raises(ConfigurationError, match="STATS_OBJECTION_SIGNALS is .* cookie, gpc, dnt"):
        check_objection({**GOOD, "STATS_OBJECTION_SIGNALS": signals})


@pytest.mark.parametrize("name", ["", "my cookie", "a;b", "ü", None, 1, "a=b"])
def test_a_name_that_no_cookie_can_have_is_refused(name):
    with pytest.raises(ConfigurationError, match="STATS_OBJECTION_COOKIE is"):
        check_objection({**GOOD, "STATS_OBJECTION_COOKIE": name})


def test_the_cookie_of_the_session_is_refused():
    """It would be replaced, and everybody signed out."""
    with pytest.raises(ConfigurationError, match="the name of the session's cookie"):
        check_objection({**GOOD, "STATS_OBJECTION_COOKIE": "session", "SESSION_COOKIE_NAME": "session"})


def test_a_prefix_that_forbids_the_domain_of_the_session_is_refused():
    """Browsers drop such a cookie without a word, and nobody could object."""
    host = {**GOOD, "STATS_OBJECTION_COOKIE": "__Host-no-statistics"}
    check_objection(host)
    check_objection({**GOOD, "STATS_OBJECTION_COOKIE": "__Secure-no", "SESSION_COOKIE_DOMAIN": "example.org"})
    with pytest.raises(ConfigurationError, match="SESSION_COOKIE_DOMAIN is set"):
        check_objection({**host, "SESSION_COOKIE_DOMAIN": "example.org"})
