"""Which limit each end point has in the instance's limiter."""

import pytest

from invenio_stats.definitions.rate_limits import (
    BADGE,
    BADGE_LIMIT,
    LIMIT,
    PAGES,
    PRIVACY,
    PRIVACY_LIMIT,
    STATS_QUERY,
    find_limits,
)

DEFAULTS = {"RATELIMIT_GUEST_USER": "60 per minute", "RATELIMIT_AUTHENTICATED_USER": "100 per minute"}
SETTINGS = {**DEFAULTS, "RATELIMIT_PER_ENDPOINT": {"security.login": "10 per minute"}}


@pytest.mark.parametrize(
    ("endpoint", "limit"),
    [
        ("invenio_stats_pages.repository", LIMIT),
        (PRIVACY, PRIVACY_LIMIT),
        (BADGE, BADGE_LIMIT),
        (f"{PAGES}.static", None),
        ("invenio_stats.answer", LIMIT),
        ("invenio_stats.openapi", LIMIT),
        (STATS_QUERY, LIMIT),
        ("invenio_stats.health", None),
        ("invenio_stats.metrics", None),
        ("invenio_stats_of_another.answer", None),
        ("index", None),
    ],
)
def test_our_public_end_points_have_limits(endpoint, limit):
    assert find_limits([endpoint], SETTINGS, DEFAULTS).get(endpoint) == limit


def test_what_the_operator_has_set_stays():
    own = {"invenio_stats.answer": "1 per day", "security.login": "10 per minute"}
    found = find_limits(["invenio_stats.answer", BADGE], {**SETTINGS, "RATELIMIT_PER_ENDPOINT": own}, DEFAULTS)
    assert found == {**own, BADGE: BADGE_LIMIT}


@pytest.mark.parametrize("name", DEFAULTS)
def test_programs_that_were_let_in_stay_in(name):
    """An instance that has raised its limits for all pages has done so for POST as well, which 7.x had already."""
    settings = {**SETTINGS, name: "10000 per minute"}
    found = find_limits([STATS_QUERY, "invenio_stats.answer"], settings, DEFAULTS)
    assert STATS_QUERY not in found
    assert found["invenio_stats.answer"] == LIMIT
