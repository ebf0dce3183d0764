"""The settings of the deposit are checked when the application starts, and no message shows the token."""

import pytest

from invenio_stats.core.counter_platform import Platform
from invenio_stats.definitions.counter_deposit import parse_deposit_account
from invenio_stats.errors import ConfigurationError

PLATFORM = Platform("Example Repository", "example", "Example")
TOKEN = "a-secret-token"


def settings(url="https://api.datacite.org", token=TOKEN, account=None):
    return {
        "STATS_COUNTER_DATACITE_URL": url,
        "STATS_COUNTER_DATACITE_TOKEN": token,
        "STATS_COUNTER_DATACITE_ACCOUNT": account,
    }


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("https://api.datacite.org", "https://api.datacite.org"),
        ("https://api.datacite.org/", "https://api.datacite.org"),
        ("http://127.0.0.1:8080/service/", "http://127.0.0.1:8080/service"),
    ],
)
def test_an_address_loses_its_last_slash(url, parsed):
    account = parse_deposit_account(settings(url), PLATFORM)
    assert (account.url, account.token, account.name) == (parsed, TOKEN, "Example")


def test_the_account_has_a_name_of_its_own():
    assert parse_deposit_account(settings(account="abcd.efgh"), PLATFORM).name == "abcd.efgh"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"url": None}, "_TOKEN is set without STATS_COUNTER_DATACITE_URL", id="no address"),
        pytest.param({"token": None}, "_TOKEN is not set", id="no token"),
        pytest.param({"token": ""}, "_TOKEN is no token", id="an empty token"),
        pytest.param({"token": f"{TOKEN}\n"}, "_TOKEN is no token", id="a token with a line break"),
        pytest.param({"token": f"{TOKEN}é"}, "_TOKEN is no token", id="a token that is not ASCII"),
        pytest.param({"url": "api.datacite.org"}, "_URL is 'api.datacite.org'", id="no scheme"),
        pytest.param({"url": "ftp://api.datacite.org"}, "_URL is 'ftp:", id="another scheme"),
        pytest.param({"url": "https:///reports"}, "_URL is 'https:///reports'", id="no host"),
        pytest.param({"url": "https://x.org:port"}, "_URL is 'https://x.org:port'", id="no port"),
        pytest.param({"url": "https://x.org/?a=b"}, "_URL is 'https", id="a query"),
        pytest.param({"url": "https://x.org/ a"}, "_URL is 'https", id="a blank"),
        pytest.param({"url": 5}, "_URL is 5", id="no text"),
        pytest.param({"url": f"https://me:{TOKEN}@x.org"}, "_URL is an address with a name or password", id="a user"),
        pytest.param({"account": " "}, "_ACCOUNT", id="no account"),
    ],
)
def test_what_cannot_be_used_is_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        parse_deposit_account(settings(**changes), PLATFORM)
    assert TOKEN not in str(caught.value)


def test_without_reports_nothing_can_be_deposited():
    with pytest.raises(ConfigurationError, match="Set STATS_COUNTER_PLATFORM"):
        parse_deposit_account(settings(), None)


def test_the_account_is_shown_without_its_token():
    assert repr(parse_deposit_account(settings(), PLATFORM)) == (
        "DepositAccount('https://api.datacite.org', '***', 'Example')"
    )
