"""Operators add, list and revoke the requestors of the COUNTER API."""

import json

import pytest

from invenio_stats.cli import stats
from invenio_stats.core.counter_requestors import hash_key
from invenio_stats.counter.service.requestors import fetch_requestors


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        "SECRET_KEY": "test",
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_COUNTER_PLATFORM": "Example Repository",
        "STATS_COUNTER_PLATFORM_ID": "example",
        "STATS_COUNTER_CUSTOMERS": [{"customer_id": "u1", "name": "One"}, {"customer_id": "u2", "name": "Two"}],
        **cache_config,
    }


@pytest.fixture
def requestors(app, search_client):
    """Run a command about requestors, and return its result."""
    runner = app.test_cli_runner()

    def run(*args, code=0, **kwargs):
        result = runner.invoke(stats, ["counter", "requestors", *args], env={"COLUMNS": "200"}, **kwargs)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


def test_credentials_are_shown_once(requestors, search_client):
    result = requestors("add", "--name", "Harvester", "--customers", "u1,u2", "--key")
    keys = dict(line.split(": ") for line in result.stdout.splitlines())
    assert list(keys) == ["requestor_id", "api_key"]
    assert "they are not shown again" in result.stderr
    (stored,) = fetch_requestors(search_client)
    assert (stored.name, stored.customers, stored.has_countries) == ("Harvester", ("u1", "u2"), False)
    assert (stored.requestor_hash, stored.api_key_hash) == tuple(map(hash_key, keys.values()))
    for listed in (requestors("list").output, requestors("list", "--json").output):
        assert "Harvester" in listed
        assert not any(key in listed or hash_key(key) in listed for key in keys.values())


def test_programs_read_json(requestors):
    added = json.loads(requestors("add", "--name", "r", "--customers", "all", "--countries", "--json").stdout)
    assert len(added.pop("requestor_id")) == 43
    assert (added["name"], added["customers"], added["countries"], added["api_key"]) == ("r", ["all"], True, False)
    assert json.loads(requestors("list", "--json").stdout) == [added]
    (revoked,) = json.loads(requestors("revoke", "r", "--yes", "--json").stdout)
    assert revoked.pop("revoked") > added["created"][:10]
    assert revoked == {name: value for name, value in added.items() if name != "revoked"}


def test_the_list_tells_who_is_revoked(requestors):
    assert "There are no requestors" in requestors("list").stdout
    requestors("add", "--name", "first", "--customers", "u1")
    requestors("add", "--name", "second", "--customers", "0000000000000000")
    assert requestors("revoke", "first", "--yes").stdout == "first is revoked.\n"
    lines = requestors("list").stdout.splitlines()
    assert [line.split()[1] for line in lines[2:4]] == ["first", "second"]
    assert lines[2].split()[-2:] != ["-", "-"]
    assert lines[3].endswith("-")


def test_revoking_asks_first(requestors, search_client):
    requestors("add", "--name", "r", "--customers", "all")
    requestors("revoke", "r", code=1, input="n\n")
    assert not fetch_requestors(search_client)[0].revoked
    requestors("revoke", "r", input="y\n")
    assert fetch_requestors(search_client)[0].revoked


def test_a_name_can_be_used_again_when_it_is_revoked(requestors, search_client):
    requestors("add", "--name", "r", "--customers", "all")
    assert "revoke that one first" in requestors("add", "--name", "r", "--customers", "all", code=2).stderr
    requestors("revoke", fetch_requestors(search_client)[0].id, "--yes")
    requestors("add", "--name", "r", "--customers", "all")
    assert len(fetch_requestors(search_client)) == 2
    assert "No requestor with valid credentials is named 'q'" in requestors("revoke", "q", "--yes", code=2).stderr


@pytest.mark.parametrize(
    ("name", "customers", "message"),
    [
        ("r", "u3", "'u3' is no customer"),
        ("r", "u1,u3,u4", "'u3', 'u4' is no customer"),
        ("r", "", "'' is no customer"),
        ("r", "all,u1", "'all' is no customer"),
        (" ", "u1", "The name is ' '"),
        ("a\x1b[31m", "u1", "The name is 'a\\x1b[31m'"),
        ("x" * 101, "u1", "at most 100 characters"),
    ],
)
def test_bad_input_is_explained(requestors, search_client, name, customers, message):
    assert message in requestors("add", "--name", name, "--customers", customers, code=2).stderr
    assert fetch_requestors(search_client) == []


def test_without_a_platform_there_are_no_requestors(app, monkeypatch, requestors):
    monkeypatch.setitem(app.config, "STATS_COUNTER_PLATFORM", None)
    monkeypatch.setitem(app.config, "STATS_COUNTER_PLATFORM_ID", None)
    assert "Set STATS_COUNTER_PLATFORM" in requestors("list", code=2).stderr
