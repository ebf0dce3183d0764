"""A reduced user agent keeps its class, and nothing that identifies a person."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invenio_stats.privacy.user_agents.classifier import classify
from invenio_stats.privacy.user_agents.reduction import MAX_REDUCED_CHARACTERS, agent_id, reduce_agent

PIECES = st.sampled_from(
    [
        *("@", "%40", " (at) ", "{at}", "(dot)", "dot", "[e-mail]", "a", "b.c", "'", "?", "/", "-", ".", "_", ",", ":"),
        *("1", "0", "v1.2b3", "x86_64", "rel", "7" * 8, "0123456789abcdef" * 2, "a1:b2:c3:d4", "f:"),
        *("12345678-1234-1234-1234-123456789abc", "{", "}", "(", ")", "[", "]", ";", " ", "\0", "\u200b", "\ud800"),
        *("Mozilla/5.0", "Gecko/20100101", "Build/", "Mobile/", "FBAV/", "FBBV/", "http://"),
    ]
)
AGENTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)


@pytest.mark.parametrize(
    ("agent", "reduced"),
    [
        pytest.param(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/120.0.6099.71 Safari/537.36",
            "Mozilla/5.0 (Windows NT 10; Win64; x64) AppleWebKit/537 (KHTML, like Gecko) Chrome/120 Safari/537",
            id="Chrome",
        ),
        pytest.param(
            "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
            "Mozilla/5.0 (X11; Linux x86_64; rv:109) Gecko/20100101 Firefox/115",
            id="Firefox",
        ),
        pytest.param(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) Version/17.2 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17 like Mac OS X) Version/17 Mobile Safari/604",
            id="iPhone",
        ),
        pytest.param(
            "Mozilla/5.0 (Linux; Android 13; SM-A125F Build/TP1A.220624.014; wv) Chrome/112.0.5615.136",
            "Mozilla/5.0 (Linux; Android 13; SM-A125F Build; wv) Chrome/112",
            id="a device's build",
        ),
        pytest.param(
            "Mobile/15A432 [FBAN/FBIOS;FBAV/146.0.0.73.91;FBBV/75938921;FBDV/iPhone7,2;FBCR/O2;FBLC/en_GB]",
            "Mobile [FBAN/FBIOS;FBAV/146;FBBV;FBDV/iPhone7;FBCR;FBLC]",
            id="an app's",
        ),
        pytest.param("FooBot/2.8.9rel.1 (+http://foo.example.org/bot.html)", None, id="host and name"),
        pytest.param("FooBot/1.0 (jane.doe+x@mail.example.org)", "FooBot/1 ([e-mail])", id="e-mail"),
        pytest.param("FooBot/1.0 (jane [at] example (dot) org)", "FooBot/1 ([e-mail])", id="e-mail in disguise"),
        pytest.param("FooBot/1.0 (jane%40example.org; root@localhost)", "FooBot/1 ([e-mail]; )", id="login"),
        pytest.param("Mozilla/5.0 (Ecosia android@101.0.4951.41)", "Mozilla/5.0 (Ecosia android@101)", id="no e-mail"),
        pytest.param("Foo (http://a.example.org/bot?id=77&u=jane)", "Foo (http://a.example.org/bot)", id="query"),
        pytest.param("Mobile/14G60 (4299240272)", "Mobile (0)", id="number"),
        pytest.param("MSIE 9.0; {B385E3D3-0D5B-4A6E-9C1A-0123456789AB}", "MSIE 9; 0", id="GUID"),
        pytest.param("Foo 0123456789abcdef0123", "Foo 0", id="hash"),
        pytest.param("Foo (192.0.2.77; 2001:db8::7:8)", "Foo (192; 0)", id="addresses"),
        pytest.param(" A\tb\x00c\x1b\u202ed\n", "A bcd", id="control characters"),
    ],
)
def test_an_agent_is_reduced_to_names_and_major_versions(agent, reduced):
    assert reduce_agent(agent) == (reduced or "FooBot/2 (+http://foo.example.org/bot.html)")


def test_what_is_beyond_300_characters_goes():
    assert reduce_agent("ab" * 400) == "ab" * 150


@given(AGENTS)
@example("foo (at{12345678-1234-1234-1234-123456789abc}) example.org")
@example("a\0@b.example.org")
def test_reducing_twice_changes_nothing(agent):
    reduced = reduce_agent(agent)
    assert reduce_agent(reduced) == reduced
    assert len(reduced) <= MAX_REDUCED_CHARACTERS


@given(AGENTS, st.from_regex(r"[a-z]{3,8}\.[a-z]{3,8}@[a-z]{3,8}\.example\.org", fullmatch=True))
def test_no_e_mail_address_remains(agent, address):
    reduced = reduce_agent(f"{agent[:100]} {address}")
    assert address not in reduced
    assert address.split("@")[0] not in reduced


def test_an_agent_and_its_reduced_text_are_of_one_class():
    """What reclassifies later has the reduced text only."""
    package = pytest.importorskip("crawleruseragents")
    agents = {agent for entry in package.CRAWLER_USER_AGENTS_DATA for agent in entry["instances"]}
    changed = [agent for agent in agents if classify(reduce_agent(agent)) != classify(agent)]
    assert len(changed) <= len(agents) / 200, changed


@given(AGENTS)
def test_the_id_is_of_the_reduced_text_and_a_short_hash(agent):
    reduced = reduce_agent(agent)
    assert len(agent_id(reduced)) == 32
    assert int(agent_id(reduced), 16) >= 0
    assert agent_id(reduced) == agent_id(reduce_agent(reduced))


def test_two_agents_have_two_ids():
    assert agent_id("Foo/1") != agent_id("Foo/2")
    assert agent_id("\ud800")  # whatever it is given
