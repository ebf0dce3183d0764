"""Identities follow COUNTER's order, and keys cannot be reversed."""

from datetime import datetime, timezone

import pytest

from invenio_stats.core.visitors import Visitor, key, session_identity, visitor_identity

MOMENT = datetime(2026, 1, 31, 10, 59, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("visitor", "identity", "session"),
    [
        pytest.param(Visitor("7", "s", "192.0.2.1", "Browser"), "7", "s", id="all"),
        pytest.param(Visitor("7", None, "192.0.2.1", "Browser"), "7", "7|2026013110", id="user"),
        pytest.param(Visitor(None, "s", "192.0.2.1", "Browser"), "s", "s", id="session"),
        pytest.param(
            Visitor(None, None, "192.0.2.1", "Browser"),
            "192.0.2.1|Browser",
            "192.0.2.1|Browser|2026013110",
            id="address and agent",
        ),
        pytest.param(Visitor(), None, None, id="nobody"),
    ],
)
def test_the_best_identity_there_is_wins(visitor, identity, session):
    assert visitor_identity(visitor) == identity
    assert session_identity(visitor, MOMENT) == session


def test_a_visitor_stays_the_same_over_the_hours_and_a_session_does_not():
    visitor, later = Visitor(ip_address="192.0.2.1", user_agent="Browser"), MOMENT.replace(hour=11)
    assert session_identity(visitor, MOMENT) != session_identity(visitor, later)


def test_a_key_depends_on_the_salt_and_is_a_sha224():
    assert key("monday", "7") != key("tuesday", "7")
    assert len(key("monday", "7")) == 56
