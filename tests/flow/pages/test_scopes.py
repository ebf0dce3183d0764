"""Pages of records, communities and users, and lists in full: their numbers, and who may see what."""

import pytest

from invenio_stats.core.periods import Days, find_period
from tests.flow.pages import site

pytestmark = pytest.mark.usefixtures("seeded")
EVERYBODY = (site.VISITOR, site.UPLOADER, site.MANAGER, site.ADMINISTRATOR)


def number(text):
    return int(text.replace(",", ""))


def twelve_months():
    return find_period("12m", site.today())


def ever():
    return Days(site.months_back(site.MONTHS)[0], site.today())


def headings(root):
    return [node.text for node in root.walk() if node.tag == "h2"]


def key_numbers(root):
    items = root.only("dl", cls="st-keys").all("div")
    return {item.only("dt").text: item.only("dd", cls="st-big").text for item in items}


def test_a_record_is_all_of_its_versions_since_the_beginning(page):
    root = page("/stats/records/r1-v2")
    assert root.only("h1").text == site.TITLES[0]
    downloads = site.plain_sum("downloads", *ever(), parent_id="r1")
    assert root.only("p", cls="st-lead").text.startswith(
        f"All 2 versions together. Files were downloaded {downloads:,} times."
    )
    assert number(key_numbers(root)["Downloads"]) == downloads
    assert root.all("p", cls="st-basis")[0].text == "To the record · Dataset · published May 3, 2024 · open"
    sections = ["Views and downloads by month", "Versions", "Where readers come from", "Files", "Show it elsewhere"]
    assert headings(root) == sections


def test_titles_keep_their_own_direction(page):
    """Those from right to left too; a long one is small enough to leave room for the answer."""
    titles = [row.only("bdi").text for row in page("/stats/lists/records").all("th", scope="row")]
    assert site.TITLES[9] in titles
    short, long = (page(f"/stats/records/{record}").only("h1") for record in ("r10", "r11"))
    assert short.only("bdi").text == site.TITLES[9]
    assert (short["class"], long["class"]) == (None, "st-long")


def test_versions_add_up(page):
    _head, *rows, foot = page("/stats/records/r1").table("Versions")
    assert [row[0] for row in rows] == ["v2May 3, 2024", "v1May 3, 2024"]
    assert (
        number(foot[1]) == sum(number(row[1]) for row in rows) == site.plain_sum("downloads", *ever(), parent_id="r1")
    )


def test_a_version_has_numbers_of_its_own_and_no_countries(page):
    root = page("/stats/records/r1-v2?versions=this")
    assert number(key_numbers(root)["Views"]) == site.plain_sum("views", *ever(), item_id="r1-v2")
    assert "Where readers come from" not in headings(root)
    bar = root.only("nav", aria_label="Versions")
    assert [link.text for link in bar.all("a", aria_current="true")] == ["Version 2 only"]
    assert bar.all("a")[0]["href"] == "/stats/records/r1-v2"


def test_the_id_of_all_versions_has_no_single_one(page):
    assert not page("/stats/records/r1").all("nav", aria_label="Versions")
    assert "versions" in page("/stats/records/r1?versions=this", status=400).only("div", cls="st-note").text


def test_files_have_sizes_and_a_sum(page):
    root = page("/stats/records/r1")
    head, *rows, foot = root.table("Files")
    assert head == ["File", "Last 12 months", "Downloads", "Unique", "Volume"]
    assert [row[0] for row in rows] == ["gauges-hourly.csv188 MB", "stations.csv", "readme.pdf310 kB"]
    assert number(foot[2]) == sum(number(row[2]) for row in rows) == number(key_numbers(root)["Downloads"])
    assert foot[4] == key_numbers(root)["Data volume"]


def test_a_record_without_files_has_no_downloads(page, library, app, monkeypatch):
    """They are left out, not shown as 0."""
    words = library.describe(["r1-v1"])["r1-v1"]._replace(access_status="metadata-only", title="Only words")
    monkeypatch.setitem(library.parents, "m1", "m")
    app.extensions["invenio-stats"].item_metadata = lambda item_ids: {"m1": words}
    root = page("/stats/records/m1?period=12m")
    assert list(key_numbers(root)) == ["Views"]
    assert headings(root) == ["Views by month", "Show it elsewhere"]
    assert "downloaded" not in root.text


@pytest.mark.parametrize("user", EVERYBODY)
def test_a_hidden_record_is_like_an_unknown_one(get, user):
    """r4 is hidden; its uploader and administrators see it."""
    hidden, unknown = (get(f"/stats/records/{record}", user) for record in ("r4-v1", "nothing"))
    assert unknown.status_code == 404
    if user in (site.UPLOADER, site.ADMINISTRATOR):
        assert hidden.status_code == 200
    else:
        assert (hidden.status_code, hidden.data) == (404, unknown.data)


@pytest.mark.parametrize("user", EVERYBODY)
def test_a_hidden_community_is_like_an_unknown_one(get, user):
    hidden, unknown = (get(f"/stats/communities/{name}", user) for name in ("secret", "nothing"))
    assert unknown.status_code == 404
    assert hidden.status_code == (200 if user == site.ADMINISTRATOR else 404)
    assert user == site.ADMINISTRATOR or hidden.data == unknown.data


@pytest.mark.parametrize("user", EVERYBODY)
def test_only_managers_see_who_uploads(page, get, user):
    """Others do not see the heading either, and browsers keep nothing of it."""
    root = page("/stats/communities/coast", user)
    is_manager = user == site.MANAGER
    assert ("Who uploads" in headings(root)) == is_manager
    assert ("Okafor, Ana" in root.text) == is_manager
    cached = get("/stats/communities/coast", user).headers["Cache-Control"]
    assert (cached == "private, no-store") == is_manager


@pytest.mark.parametrize("name", ["coast", "c1"])
def test_a_community_has_the_use_of_its_records(page, name):
    root = page(f"/stats/communities/{name}")
    assert root.only("h1").text == "Community coast"
    assert number(key_numbers(root)["Downloads"]) == site.plain_sum("downloads", *twelve_months(), labels="c1")
    hosts = root.table("How readers got here")[1:]
    assert hosts[0][1] == "this repository"
    assert sum(number(row[2]) for row in hosts) == site.plain_sum("views", *twelve_months(), labels="c1")


def test_my_statistics_are_those_of_my_records(page, get):
    root = page("/stats/me", site.UPLOADER)
    downloads = sum(site.plain_sum("downloads", *twelve_months(), parent_id=f"r{n}") for n in range(1, 5))
    assert number(key_numbers(root)["Downloads"]) == downloads
    assert headings(root) == ["Downloads by month", "My records"]
    rows = root.table("My records")[1:]
    assert sum(number(row[3]) for row in rows) == downloads
    assert all(row.all("svg") for row in root.all("table")[1].only("tbody").all("tr"))
    assert get("/stats/me", site.UPLOADER).headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in get("/stats/me", site.UPLOADER).headers


def test_the_menu_has_what_there_is(page):
    names = [[link.text for link in page("/stats/", user).only("nav", cls="st-nav").all("a")] for user in (None, "7")]
    assert names == [
        ["Repository", "COUNTER reports", "Data quality"],
        ["Repository", "My statistics", "COUNTER reports", "Data quality"],
    ]


def test_an_administrator_sees_whose_page_it_is(page):
    root = page("/stats/users/7", site.ADMINISTRATOR)
    assert root.only("h1").text == "Statistics of Okafor, Ana"
    assert root.only("p", cls="st-kick").text.startswith("Only this user")
    link = page("/stats/lists/uploaders", site.ADMINISTRATOR).all("a", href="/stats/users/7")
    assert [item.text for item in link] == ["Okafor, Ana"]


def test_a_list_goes_on_page_by_page(page):
    first = page("/stats/lists/records?size=10")
    assert len(first.table("Most used records")) == 11
    following = page(first.only("a", rel="nofollow next")["href"])
    rows = following.table("Most used records")[1:]
    assert [row[0] for row in rows] == ["11", "12"]
    assert following.only("a", rel="nofollow prev")["href"] == "/stats/lists/records?size=10"
    assert "Page 2 of 2" in following.text


def test_a_list_has_an_order(page):
    root = page("/stats/lists/records?by=views&period=30d")
    assert root.table("Most used records")[0] == ["Rank", "Record", "Views", "Change"]
    back = root.only("a", href="/stats/?period=30d")
    assert back.text == "Back to the statistics"


@pytest.mark.parametrize(
    ("address", "caption", "rows"),
    [
        ("/stats/lists/communities", "Most used communities", 3),
        ("/stats/lists/countries", "Where readers come from", 8),
        ("/stats/lists/hosts", "How readers got here", 5),
        ("/stats/lists/records?community=coast", "Most used records: Community coast", 4),
        ("/stats/lists/files?record=r1", f"Files: {site.TITLES[0]}", 3),
        ("/stats/lists/versions?record=r1-v1", f"Versions: {site.TITLES[0]}", 2),
        ("/stats/lists/countries?record=r1", f"Where readers come from: {site.TITLES[0]}", 8),
    ],
)
def test_each_list_has_a_page(page, address, caption, rows):
    assert len(page(address).table(caption)) == rows + 1


@pytest.mark.parametrize(
    "address", ["/stats/lists/nothing", "/stats/lists/files", "/stats/lists/communities?record=r1"]
)
def test_other_lists_are_not_there(get, address):
    assert get(address).status_code == 404


def test_a_list_is_limited_once(page):
    assert (
        "record" in page("/stats/lists/records?community=coast&record=r1", status=400).only("div", cls="st-note").text
    )


@pytest.mark.parametrize(
    ("size", "page_number", "says"),
    [(7, 1, "size is '7'. Give one of: 10, 25, 100."), (10, 0, "page is 0"), (100, 9999, "page")],
)
def test_pages_have_bounds(page, size, page_number, says):
    root = page(f"/stats/lists/records?size={size}&page={page_number}", status=400)
    assert says in root.only("div", cls="st-note").text


def test_a_list_leads_to_all_of_it(page):
    root = page("/stats/?period=30d")
    link = root.only("a", href="/stats/lists/records?period=30d")
    assert link.text == "All 12 records"


def test_a_list_of_versions_has_their_labels(page):
    """All of them have the title of the record. A version leads to its own numbers."""
    root = page("/stats/lists/versions?record=r1")
    rows = root.table("Versions: " + site.TITLES[0])[1:]
    assert sorted(row[1] for row in rows) == ["v1May 3, 2024", "v2May 3, 2024"]
    assert root.only("a", href="/stats/records/r1-v2?versions=this").text == "v2"


@pytest.mark.parametrize(
    ("address", "title"),
    [("/stats/", "Most used records"), ("/stats/communities/coast", "Most used records: Community coast")],
)
def test_the_most_viewed_records_are_one_step_away(page, address, title):
    """Also where the list of the most downloaded ones has all records."""
    (link,) = [link for link in page(address).all("a") if link.text == "Most viewed records"]
    head, *rows = page(link["href"]).table(title)
    assert head[2] == "Views"
    assert rows[0][1].startswith("Tide gauge measurements")
