"""Who may open what, and what others see in its place: nothing, not even a heading."""

import pytest

from tests.flow.pages.site import ADMINISTRATOR, MANAGER, UPLOADER, VISITOR

pytestmark = pytest.mark.usefixtures("seeded")
ROLES = {"visitor": VISITOR, "uploader": UPLOADER, "manager": MANAGER, "administrator": ADMINISTRATOR}

# r4 and the community "secret" are hidden; r1 to r4 are the uploader's; the manager manages "coast"
STATUSES = {
    "/stats/": (200, 200, 200, 200),
    "/stats/records/r1": (200, 200, 200, 200),
    "/stats/records/r1-v2?versions=this": (200, 200, 200, 200),
    "/stats/records/r4": (404, 200, 404, 200),
    "/stats/records/nothing": (404, 404, 404, 404),
    "/stats/communities/coast": (200, 200, 200, 200),
    "/stats/communities/secret": (404, 404, 404, 200),
    "/stats/communities/nothing": (404, 404, 404, 404),
    "/stats/me": (401, 200, 200, 200),
    "/stats/users/7": (401, 403, 403, 200),
    "/stats/users/nobody": (401, 403, 403, 404),
    "/stats/lists/records": (200, 200, 200, 200),
    "/stats/lists/records?community=coast": (200, 200, 200, 200),
    "/stats/lists/records?community=secret": (404, 404, 404, 200),
    "/stats/lists/records?user=7": (401, 200, 403, 200),
    "/stats/lists/files?record=r4": (404, 200, 404, 200),
    "/stats/lists/uploaders": (401, 403, 403, 200),
    "/stats/lists/uploaders?community=coast": (401, 403, 200, 403),
    "/stats/lists/uploaders?community=secret": (404, 404, 404, 403),
}
HEADINGS = {
    "/stats/": {"administrator": {"Who uploads"}, "uploader": set(), "manager": set()},
    "/stats/communities/coast": {"administrator": set(), "uploader": set(), "manager": {"Who uploads"}},
    "/stats/records/r1": {"administrator": set(), "uploader": set(), "manager": set()},
}
"""What somebody sees more than a visitor."""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", STATUSES)
def test_each_role_opens_what_it_may(get, path, role):
    response = get(path, ROLES[role])
    expected = dict(zip(ROLES, STATUSES[path], strict=True))[role]
    assert response.status_code == expected
    if expected in (401, 403):
        assert "These numbers are for the uploader and for managers." in response.text
        assert ("Log in" in response.text) == (expected == 401)


@pytest.mark.parametrize("role", ROLES)
def test_what_is_hidden_answers_as_what_there_is_not(get, role):
    pairs = [
        ("/stats/records/r4", "/stats/records/nothing"),
        ("/stats/communities/secret", "/stats/communities/nothing"),
    ]
    for hidden, unknown in pairs:
        answers = get(hidden, ROLES[role]), get(unknown, ROLES[role])
        if answers[0].status_code == 404:
            assert answers[0].data == answers[1].data


@pytest.mark.parametrize("path", HEADINGS)
def test_headings_of_what_is_hidden_are_hidden(page, path):
    found = {
        role: {node.text for node in page(path, user).walk() if node.tag in ("h2", "h3")}
        for role, user in ROLES.items()
    }
    more = {role: headings - found["visitor"] for role, headings in found.items() if role != "visitor"}
    assert more == HEADINGS[path]
    assert all(headings >= found["visitor"] for headings in found.values())


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_offers_what_may_be_opened(get, page, role):
    user = ROLES[role]
    for link in page("/stats/", user).only("nav", cls="st-nav").all("a"):
        assert get(link["href"], user).status_code == 200
