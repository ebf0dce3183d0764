"""Mistakes in the settings of objection stop the start: whoever relies on them is told."""

import pytest

from invenio_stats.definitions.objection_settings import check_objection
from invenio_stats.errors import ConfigurationError

GOOD = {"STATS_OBJECTION_SIGNALS": ("cookie", "gpc"), "STATS_OBJECTION_COOKIE": "stats-objection"}


@pytest.mark.parametrize("signals", [(), ["dnt"], {"cookie", "gpc", "dnt"}, ("gpc", "gpc")])
def test_any_of_the_signals_may_be_heeded(signals):
    check_objection({**GOOD, "STATS_OBJECTION_SIGNALS": signals})


@pytest.mark.parametrize(
    "signals", ["cookie", "gpc", None, True, ("GPC",), ("cookie", 1), {"cookie": True}, [["cookie"]], ({},)]
)
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


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        pytest.param("SESSION_COOKIE_NAME", "session", id="session"),
        pytest.param("CSRF_COOKIE_NAME", "csrftoken", id="token of invenio-rest"),
        pytest.param("REMEMBER_COOKIE_NAME", "remember_token", id="log-in"),
    ],
)
def test_the_name_of_another_cookie_is_refused(setting, name):
    """Its owner would write over the objection, and the visitor be counted."""
    for more in ({}, {setting: name}):
        with pytest.raises(ConfigurationError, match=f"STATS_OBJECTION_COOKIE is '{name}', the name of"):
            check_objection({**GOOD, **more, "STATS_OBJECTION_COOKIE": name})
    check_objection({**GOOD, setting: "another", "STATS_OBJECTION_COOKIE": name})


@pytest.mark.parametrize(
    "contact",
    [
        None,
        "https://repository.example.org/privacy?a=b#c",
        "https://bücher.example/datenschutz-für-alle",
        "/privacy",
        "/",
        "mailto:privacy@example.org",
        "privacy@example.org",
        "datenschutz@bücher.example",
    ],
)
def test_visitors_may_be_sent_to_a_page_or_to_write(contact):
    check_objection({**GOOD, "STATS_PRIVACY_CONTACT": contact})


@pytest.mark.parametrize(
    "contact",
    [5, "", " ", "javascript:alert(1)", "//example.org", "data:text/html,x", "\udcff", "https://a/\r\nX: b", ["a@b"]],
)
def test_a_contact_that_is_no_address_is_refused(contact):
    """The page would fail for everybody, or lead nowhere: nobody could object."""
    with pytest.raises(ConfigurationError, match="STATS_PRIVACY_CONTACT is"):
        check_objection({**GOOD, "STATS_PRIVACY_CONTACT": contact})


def test_a_prefix_that_forbids_the_domain_of_the_session_is_refused():
    """Browsers drop such a cookie without a word, and nobody could object."""
    host = {**GOOD, "STATS_OBJECTION_COOKIE": "__Host-no-statistics"}
    check_objection(host)
    check_objection({**GOOD, "STATS_OBJECTION_COOKIE": "__Secure-no", "SESSION_COOKIE_DOMAIN": "example.org"})
    with pytest.raises(ConfigurationError, match="SESSION_COOKIE_DOMAIN is set"):
        check_objection({**host, "SESSION_COOKIE_DOMAIN": "example.org"})
