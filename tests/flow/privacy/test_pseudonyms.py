"""Events that leave the web process identify nobody, and have the class of the user agent."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.double_clicks import identity_of
from invenio_stats.core.visitors import PERSONAL_FIELDS, key
from invenio_stats.privacy import salts
from invenio_stats.privacy.pseudonyms import Pseudonymizer
from invenio_stats.processors import anonymize_user, flag_machines, flag_robots
from tests.flow.test_processors import BROWSER
from tests.laws import examples

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
ROBOT = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"


def raw(moment=NOON, **changes):
    """Return a raw event by somebody at an address with a browser."""
    return {
        "timestamp": moment.isoformat(),
        "ip_address": "192.0.2.1",
        "user_agent": BROWSER,
        "user_id": None,
        "session_id": None,
        **changes,
    }


def pseudonymized(moment=NOON, window=30, keep_user_id=False, **changes):
    """Return it pseudonymized, with the date as its salt."""
    return Pseudonymizer(lambda when: f"salt of {when:%d}|", window, keep_user_id)(raw(moment, **changes))


@pytest.mark.parametrize(
    ("who", "visitor", "session"),
    [
        pytest.param({"user_id": 7, "session_id": "s"}, "7", "s", id="user and session"),
        pytest.param({"user_id": "7"}, "7", "7|2026013112", id="user"),
        pytest.param({"session_id": "s"}, "s", "s", id="session"),
        pytest.param({}, f"192.0.2.1|{BROWSER}", f"192.0.2.1|{BROWSER}|2026013112", id="address and agent"),
    ],
)
def test_keys_are_counters_identities_under_the_salt(app, who, visitor, session):
    event = pseudonymized(**who)
    assert event["visitor_id"] == key("salt of 31|", visitor)
    assert event["unique_session_id"] == key("salt of 31|", session)
    assert not set(PERSONAL_FIELDS) & set(event)


def test_a_robot_never_shares_a_cell_with_a_person(app):
    """Otherwise the robot's click could stand for the person's. Their keys are the same: the class may change later."""
    person, robot = pseudonymized(user_id="7"), pseudonymized(user_id="7", user_agent=ROBOT)
    assert person["visitor_id"] == robot["visitor_id"]
    assert identity_of({**person, "unique_id": "x"}) != identity_of({**robot, "unique_id": "x"})


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        pytest.param({"user_agent": BROWSER}, ("browser", False, False), id="browser"),
        pytest.param({"user_agent": ROBOT}, ("robot", True, False), id="robot"),
        pytest.param({"user_agent": "Mozilla/5.0 (compatible; GPTBot/1.2)"}, ("ai", True, False), id="ai"),
        pytest.param({"user_agent": "curl/8.5.0"}, ("machine", True, True), id="a tool on the list of robots"),
        pytest.param({"user_agent": ""}, ("robot", True, False), id="empty"),
        pytest.param({"user_agent": None}, ("robot", True, False), id="none"),
    ],
)
def test_an_event_says_what_kind_of_agent_there_was(app, agent, expected):
    event = pseudonymized(**agent)
    assert (event["agent_class"], event["is_robot"], event["is_machine"]) == expected
    assert len(event["agent_id"]) == 32
    assert event["lists_version"]


def test_an_event_that_never_had_an_agent_is_nobodys_robot(app):
    event = raw()
    del event["user_agent"]
    assert Pseudonymizer(lambda when: "salt")(event)["agent_class"] == "unknown"
    assert "agent_id" not in event


def test_pseudonymizing_twice_changes_nothing(app):
    event = pseudonymized(referrer="https://example.org/a?q=secret")
    assert Pseudonymizer(lambda when: "another salt")(dict(event)) == event


def test_an_event_of_nobody_is_left_as_it_is(app):
    event = {"timestamp": NOON.isoformat(), "query": "bees"}
    assert Pseudonymizer(lambda when: "salt")(dict(event)) == event


def test_an_event_without_a_timestamp_is_pseudonymized_too(app):
    """The worker will say what is wrong with it; nobody is named until then."""
    event = pseudonymized() | {}
    broken = Pseudonymizer(lambda when: "salt")({**raw(), "timestamp": "never"})
    assert "visitor_id" in event
    assert "visitor_id" not in broken
    assert not set(PERSONAL_FIELDS) & set(broken)


def test_a_type_that_counts_with_its_users_keeps_them(app):
    event = pseudonymized(user_id="7", keep_user_id=True)
    assert event["user_id"] == "7"
    assert "ip_address" not in event


def test_in_the_first_window_of_a_day_the_key_of_the_day_before_goes_along(app):
    midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = salts.get_anonymization_salt(midnight - timedelta(seconds=1))
    identity = f"192.0.2.1|{BROWSER}"
    assert pseudonymized(midnight + timedelta(seconds=29))["previous_visitor_id"] == key(yesterday, identity)
    assert "previous_visitor_id" not in pseudonymized(midnight + timedelta(seconds=30))
    assert "previous_visitor_id" not in pseudonymized(midnight, window=0)


def test_where_the_salt_of_the_day_before_is_gone_there_is_no_key_of_it(app):
    long_ago = datetime(2020, 1, 1, tzinfo=timezone.utc)
    assert "previous_visitor_id" not in pseudonymized(long_ago)
    assert salts.existing_salt_of(long_ago.date() - timedelta(days=1)) is None


@pytest.mark.parametrize(
    ("referrer", "expected"),
    [
        ("https://www.example.org/search?q=my+illness", "www.example.org"),
        ("https://repo.example.org/records/1", "internal"),
        ("http://localhost:5000/records/1", "internal"),
        ("example.org", None),
        ("internal", None),
        ("?q=my+illness", None),
        ({"a": ["b"]}, None),
        ("", None),
    ],
)
def test_of_a_referrer_the_host_remains(app, monkeypatch, referrer, expected):
    """A client may write a word without a scheme into the header, and it must not pass for a host."""
    monkeypatch.setitem(app.config, "SITE_HOSTNAME", "repo.example.org:8443")
    with app.test_request_context("/", base_url="http://localhost:5000"):
        event = pseudonymized(referrer=referrer)
    assert event["referrer"] == expected
    assert anonymize_user(dict(event)) == event


@pytest.mark.parametrize("referrer", ["example.org", "internal", "2001:db8::7", None])
def test_an_event_that_is_pseudonymized_keeps_the_host(app, referrer):
    event = {"agent_class": "browser", "referrer": referrer}
    assert anonymize_user(dict(event)) == event


@pytest.mark.parametrize(
    "referrer", ["https://example.org/a?b", "a.person@example.org", "<b>", "=cmd|' calc'!A0", "Example.org", 7]
)
def test_the_referrer_of_an_event_that_is_pseudonymized_is_reduced_all_the_same(app, referrer):
    expected = "example.org" if str(referrer).startswith("https:") else None
    assert anonymize_user({"agent_class": "browser", "referrer": referrer})["referrer"] == expected


@pytest.mark.parametrize("raw_fields", [("ip_address",), ("user_agent",), ("session_id",), ("session_id", "user_id")])
@pytest.mark.parametrize(
    "derived",
    [{"visitor_id": "V", "unique_session_id": "S"}, {"visitor_id": None}, {"agent_class": "robot", "agent_id": "A"}],
    ids=["keys", "no key", "class"],
)
def test_an_event_with_raw_fields_is_pseudonymized_whatever_else_it_has(app, raw_fields, derived):
    """Otherwise an address beside a key that somebody has put there would reach the broker in clear."""
    values = {"ip_address": "192.0.2.1", "user_agent": BROWSER, "session_id": "s-secret", "user_id": "7"}
    fields = {"timestamp": NOON.isoformat(), **{field: values[field] for field in raw_fields}}
    expected = anonymize_user(dict(fields))
    assert anonymize_user({**fields, **derived}) == expected
    assert not set(PERSONAL_FIELDS) & set(expected)
    assert len(expected["visitor_id"]) == 56


@pytest.mark.parametrize("agent", [{}, {"user_agent": None}], ids=["no field", "none"])
def test_an_event_of_nobody_has_no_class_of_a_robot_and_no_key(app, agent):
    """A job without a request has published it."""
    nobody = {"timestamp": NOON.isoformat(), "ip_address": None, "user_id": None, "session_id": None, **agent}
    event = anonymize_user(flag_machines(flag_robots(nobody)))
    assert event["agent_class"] == "unknown"
    assert (event["is_robot"], event["is_machine"]) == (False, False)
    assert not {"visitor_id", "unique_session_id", "agent_id"} & set(event)


@pytest.mark.parametrize(
    "written",
    ["198.51.100.7:17085", "198.51.100.7:51008", "::ffff:198.51.100.7", "[::ffff:198.51.100.7]:443", " 198.51.100.7"],
)
def test_an_address_is_one_visitor_whatever_way_it_is_written(app, written):
    assert pseudonymized(ip_address=written) == pseudonymized(ip_address="198.51.100.7")


def test_what_is_no_address_is_none(app):
    assert pseudonymized(ip_address="unknown") == pseudonymized(ip_address=None)


@pytest.mark.parametrize("field", PERSONAL_FIELDS)
def test_half_a_character_makes_no_error(app, field):
    """The arguments of an error would be the day's salt and the person, and result backends store them."""
    event = pseudonymized(**{field: "secret\ud800"})
    assert len(event["visitor_id"]) == 56
    assert "secret" not in str(event)


SECRETS = st.text(min_size=6).map("<{}>".format)
"""Texts that no hash, name or date holds by chance."""


@examples(2)
@given(SECRETS, SECRETS, SECRETS, st.text(max_size=200))
def test_nothing_of_a_person_is_left_whatever_they_send(app, address, user, session, agent):
    event = pseudonymized(ip_address=address, user_id=user, session_id=session, user_agent=agent)
    for secret in (address, user, session):
        assert not [name for name, value in event.items() if secret in str(value)]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"minute": st.sampled_from([0, 1, 59, 60, 24 * 60 - 1, 24 * 60])},
            optional={
                "ip_address": st.sampled_from([None, "192.0.2.1", "192.0.2.2"]),
                "user_agent": st.sampled_from([None, "", BROWSER, ROBOT]),
                "user_id": st.sampled_from([None, "7", 7]),
                "session_id": st.sampled_from([None, "s"]),
                "referrer": st.sampled_from([None, "https://example.org/a", "example.org"]),
            },
        )
    ),
    st.booleans(),
)
def test_a_used_pseudonymizer_does_the_same_as_a_new_one(app, events, keep_user_id):
    """What is remembered of one event never gets into another."""
    midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)

    def made():
        for event in events:
            moment = midnight + timedelta(minutes=event["minute"])
            fields = {name: value for name, value in event.items() if name != "minute"}
            yield {"timestamp": moment.isoformat(), **fields}

    def pseudonymizer():
        return Pseudonymizer(salts.get_anonymization_salt, 30, keep_user_id)

    used = pseudonymizer()
    assert list(map(used, made())) == [pseudonymizer()(event) for event in made()]
