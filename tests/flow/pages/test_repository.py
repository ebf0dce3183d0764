"""The page of the repository: its numbers are those of the usage, in words, chart, table and files."""

import re
from datetime import timedelta

import pytest

from invenio_stats.core.periods import find_period
from tests.flow.pages import site

pytestmark = pytest.mark.usefixtures("seeded")
FORBIDDEN = re.compile(r"""\sstyle=|<style|<script|\son[a-z]+=|["'(]data:""", re.IGNORECASE)


def number(text):
    return int(text.replace(",", ""))


def twelve_months():
    return find_period("12m", site.today())


def key_numbers(root):
    return {
        item.only("dt").text: item.only("dd", cls="st-big").text for item in root.only("dl", cls="st-keys").all("div")
    }


def test_the_first_screen_answers_in_words(page):
    root = page("/stats/")
    assert root.only("h1").text == "How this repository is used"
    downloads, views = (site.plain_sum(metric, *twelve_months()) for metric in ("downloads", "views"))
    lead = root.only("p", cls="st-lead").text
    assert f"files were downloaded {downloads:,} times." in lead
    assert lead.endswith(f"Records were viewed {views:,} times.")
    basis = root.only("p", cls="st-basis").text
    assert basis.startswith("Whole months in UTC · updated ")
    assert basis.endswith(" UTC · COUNTER 5.1 rules · How we count")


def test_key_numbers_are_the_sums_of_the_twin_and_of_the_files(page, client):
    root = page("/stats/")
    keys = key_numbers(root)
    assert keys["Records held"] == "20,412"
    head, *rows, foot = root.table("Views and downloads by month")
    assert len(rows) == 12
    csv = root.all("a", aria_label="Download Views and downloads by month: CSV")[0]["href"]
    file = client.get(csv).text.splitlines()
    names = file[0].split(",")
    for column, key, name in ((1, "Downloads", "downloads"), (4, "Views", "views")):
        numbers = [number(row[column]) for row in rows]
        assert head[column] == key
        assert number(keys[key]) == sum(numbers) == number(foot[column]) == site.plain_sum(name, *twelve_months())
        assert [int(line.split(",")[names.index(name)]) for line in file[1:]] == numbers


def test_the_chart_says_what_its_twin_says(page):
    root = page("/stats/")
    rows = root.table("Views and downloads by month")[1:-1]
    tips = [title.text for title in root.all("figure")[0].all("title")]
    assert tips == [f"{row[0]}. Downloads: {row[1]}, Views: {row[4]}" for row in rows]


def test_the_last_month_is_compared_with_the_year_before(page):
    root = page("/stats/")
    last = root.table("Views and downloads by month")[-2]
    changes = [100 * (number(last[now]) / number(last[before]) - 1) for now, before in ((1, 3), (4, 6))]
    said = f"{last[0]} against a year earlier: Downloads {changes[0]:+.1f}%, Views {changes[1]:+.1f}%."
    assert root.only("p", id="f1-d").text.startswith(said.replace("-", "−"))


@pytest.mark.parametrize(
    "choice", ["compare=none", "period=30d", "period=all", "from=2026-05&to=2026-05&interval=month"]
)
def test_without_a_year_earlier_or_with_one_month_there_is_no_such_sentence(page, choice):
    assert "against a year earlier" not in page(f"/stats/?{choice}").text


def test_a_month_leads_to_its_days(page):
    root = page("/stats/")
    link = root.all("table")[0].all("tbody")[0].all("a")[0]
    assert link["rel"] == "nofollow"
    days = page(link["href"])
    head, *rows, _foot = days.table("Views and downloads by day")
    assert head[0] == "Day"
    assert 28 <= len(rows) <= 31


def test_rows_of_countries_add_up(page, client):
    """The rest stands below the ranking: more countries, those of few visitors, and unknown ones."""
    root = page("/stats/")
    rows = root.table("Where readers come from")[1:]
    assert [row[1] for row in rows[:2]] == ["Germany", "United States"]
    assert [row[0] for row in rows if not row[0]] == [""] * (len(rows) - 6)
    assert sum(number(row[2]) for row in rows) == site.plain_sum("downloads", *twelve_months())


def test_lists_have_ranks_names_and_changes(page):
    root = page("/stats/")
    head, *rows = root.table("Most downloaded records")
    assert head == ["Rank", "Record", "Downloads", "Change"]
    assert [row[0] for row in rows] == [str(rank) for rank in range(1, 11)]
    sums = [number(row[2]) for row in rows]
    assert sums == sorted(sums, reverse=True)
    assert rows[0][1].startswith("Tide gauge measurements")
    assert re.fullmatch(r"[+−][0-9.]+%", rows[0][3])


def test_what_had_no_use_before_is_not_called_new(page):
    """The records are two years old, and of the four days before none had any use."""
    month = site.months_back(3)[0]
    address = f"/stats/?from={month.replace(day=11)}&to={month.replace(day=14)}"
    assert {row[3] for row in page(address).table("Most downloaded records")[1:]} == {"from 0"}


@pytest.mark.parametrize(
    ("user", "name"), [(None, "A restricted record"), (site.ADMINISTRATOR, "Handbook of field recording")]
)
def test_what_may_not_be_read_keeps_its_rank(page, user, name):
    rows = page("/stats/", user).table("Most downloaded records")
    assert rows[4][1].startswith(name)


def test_open_and_restricted_are_shares_of_two_wholes(page):
    root = page("/stats/")
    rows = root.table("Access to records and to their downloads")[1:]
    assert [row[0] for row in rows] == ["open", "embargoed", "restricted", "metadata only"]
    assert [row[1] for row in rows] == ["71.3%", "4.1%", "15.8%", "8.8%"]
    assert rows[3][2] == "–"
    assert sum(float(row[2].strip("%")) for row in rows[:3]) == pytest.approx(100, abs=0.2)


def test_new_records_have_their_sum(page):
    root = page("/stats/")
    rows = root.table("New records by month")
    assert number(rows[-1][1]) == sum(point["records"] for point in site.new_records()["points"])
    assert f"{rows[-1][1]} new records." in root.only("p", id="f3-d").text


@pytest.mark.parametrize(
    ("address", "kind"),
    [("/stats/", "svg"), ("/stats/?period=all&compare=none", "path"), ("/stats/?period=30d", "svg")],
)
def test_a_page_needs_no_style_no_script_and_few_bytes(get, page, address, kind):
    response = get(address)
    assert not FORBIDDEN.search(response.text)
    assert len(response.data) < 80_000
    root = page(address)
    assert root.all("figure")[0].all(kind)
    ids = [node["id"] for node in root.walk() if node["id"]]
    assert len(ids) == len(set(ids))
    for node in root.walk():
        for name in ("aria-labelledby", "aria-describedby"):
            assert node[name] is None or node[name] in ids


def test_the_style_sheet_is_small_and_named_by_its_version(page, client):
    link = page("/stats/").only("link", rel="stylesheet")["href"]
    assert re.search(r"\?v=\d", link)
    with client.get(link) as response:
        assert len(response.data) < 12_288


def test_many_months_are_lines_with_names_at_their_ends(page):
    root = page("/stats/?period=all&interval=month")
    figure = root.all("figure")[0]
    assert len(figure.all("path")) >= 2
    rows = root.table("Views and downloads by month")
    ends = [text.text for text in figure.all("text", cls="strong")]
    assert sorted(ends) == sorted([f"Downloads {rows[-3][1]}", f"Views {rows[-3][3]}"])
    assert "is counted up to" in figure.only("p", cls="st-foot").text


def test_addresses_with_parameters_are_not_for_crawlers(page):
    assert page("/stats/").only("link", rel="canonical")["href"] == "http://localhost/stats/"
    root = page("/stats/?period=30d")
    assert root.only("meta", name="robots")["content"] == "noindex, nofollow"
    bar = root.only("nav", aria_label="Period")
    assert all(link["rel"] == "nofollow" for link in bar.all("a"))
    assert [link.text for link in bar.all("a", aria_current="true")] == ["30 days"]


def test_the_second_time_nothing_is_asked(get):
    first = get("/stats/")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert {"Accept", "Accept-Language", "Cookie"} <= set(first.vary)
    again = get("/stats/", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = get("/stats/", site.UPLOADER, **{"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200
    assert other.headers["Cache-Control"] == "private, max-age=0, must-revalidate"


@pytest.mark.parametrize("address", ["/stats/?format=csv&period=30d", "/stats/?period=30d"])
def test_other_formats_are_files_of_the_api(get, address):
    accept = {} if "format" in address else {"Accept": "text/csv"}
    response = get(address, **accept)
    assert response.status_code == 302
    assert response.location == "/api/stats/repository-series?period=30d&compare=before&versions=all&format=csv"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (
            "?from=2026-05-01&to=2026-04-01",
            "“From” is after “To”. You asked for May 1, 2026 to April 1, 2026. Swap them",
        ),
        ("?period=30d&from=2026-01", "period is '30d', and from or to is given as well."),
        ("?colour=blue", "colour"),
        ("?from=2024-01&to=2025-12&interval=day", "Choose week"),
        ("?period=all&interval=day", "Choose week"),
        ("?from=yesterday", "from is 'yesterday'"),
        ("?period=30d&period=12m", "period"),
        ("?size=10", "Unknown parameters: 'size'"),
        ("?format=pdf", "format is 'pdf'"),
    ],
)
def test_a_wrong_question_is_said(page, query, says):
    root = page(f"/stats/{query}", status=400)
    assert says in root.only("div", cls="st-note").text
    assert [node.tag for node in root.walk() if node.tag in ("h1", "strong", "form")] == ["h1", "strong", "form"]
    assert root.only("meta", name="robots")
    assert "open" in root.only("details").attributes
    assert not root.all("dl")


def test_the_form_keeps_what_was_asked(page):
    root = page("/stats/?from=2026-05&to=2026-04&interval=week&compare=year", status=400)
    fields = {field["name"]: field["value"] for field in root.only("form").all("input")}
    assert fields == {"from": "2026-05-01", "to": "2026-04-30"}
    assert [option["value"] for option in root.only("form").all("option") if "selected" in option.attributes] == [
        "week",
        "before",
    ]
    swapped = root.only("div", cls="st-note").only("a")["href"]
    assert page(swapped).only("h1")


def test_the_form_is_a_question_too(page):
    """It sends all of its fields, also empty ones."""
    first = site.today() - timedelta(days=40)
    root = page(f"/stats/?from={first}&to=&interval=week&compare=none")
    assert "by week" in root.all("h2")[0].text
    assert root.only("form").all("input", name="from")[0]["value"] == f"{first}"


def test_numbers_of_another_headline(page, app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_PAGES_HEADLINE", "unique")
    keys = key_numbers(page("/stats/"))
    assert number(keys["Downloads"]) == site.plain_sum("unique_downloads", *twelve_months())


def test_files_may_be_elsewhere(page, app, monkeypatch):
    """In an application without the REST API, a setting says where it is."""
    monkeypatch.setitem(app.config, "STATS_PAGES_API_URL", "https://api.example.org/stats")
    monkeypatch.delitem(app.view_functions, "invenio_stats.answer")
    link = page("/stats/").all("a", aria_label="Download Most downloaded records: CSV")[0]["href"]
    assert link.startswith("https://api.example.org/stats/repository-records?from=")


def test_in_another_language(page, get):
    """Words, numbers, dates and countries are those of the language; files are not."""
    root = page("/stats/", **{"Accept-Language": "de"})
    assert root.only("html")["lang"] == "de"
    downloads = site.plain_sum("downloads", *twelve_months())
    assert f"Dateien {downloads:,} Mal heruntergeladen.".replace(",", ".") in root.only("p", cls="st-lead").text
    assert root.table("Woher die Leser kommen")[1][1] == "Deutschland"
    assert get("/stats/").headers["ETag"] != get("/stats/", **{"Accept-Language": "de"}).headers["ETag"]


def test_an_administrator_sees_who_uploads_and_goes_on_to_the_list(page, get, app, monkeypatch):
    """The link keeps the range of the page, and opens."""
    queries = site.queries()
    queries["repository-uploaders"]["params"]["answer"] = {**site.UPLOADS, "count": 3}
    monkeypatch.setitem(app.config, "STATS_QUERIES", queries)
    root = page("/stats/?period=30d", site.ADMINISTRATOR)
    assert root.table("Who uploads")[1] == ["1", "Okafor, Ana", "21"]
    assert "Only administrators of this repository see this part." in root.text
    (link,) = [link["href"] for link in root.all("a") if link.text == "All 3 uploaders"]
    assert link.startswith("/stats/lists/uploaders")
    assert page(link, site.ADMINISTRATOR).table("Who uploads")[1] == ["1", "Okafor, Ana", "21"]
    headers = get("/stats/", site.ADMINISTRATOR).headers
    assert headers["Cache-Control"] == "private, no-store", "it names people"
    assert get("/stats/").headers["Cache-Control"] == "public, max-age=300"


def test_without_a_database_there_are_no_holdings(page, get, app, monkeypatch):
    queries = {name: entry for name, entry in site.queries().items() if entry["cls"] is not site.FixedAnswer}
    monkeypatch.setitem(app.config, "STATS_QUERIES", queries)
    root = page("/stats/")
    assert list(key_numbers(root)) == ["Downloads", "Views", "Open share of downloads"]
    assert get("/stats/lists/uploaders", site.ADMINISTRATOR).status_code == 404
    assert "New records by month" not in root.text
    assert [row[0] for row in root.table("Access to records and to their downloads")[1:]] == [
        "open",
        "embargoed",
        "restricted",
    ]


@pytest.mark.parametrize("missing", ["STATS_AGGREGATIONS", "STATS_QUERIES"])
def test_without_item_usage_there_are_no_pages(get, app, monkeypatch, missing):
    from invenio_stats.operations.monitoring.configuration_checks import check_pages

    monkeypatch.setitem(app.config, missing, {})
    assert get("/stats/").status_code == 404
    found = check_pages()
    assert found.level == "error"
    assert missing in found.cure
    assert "from invenio_stats.contrib.config import" in found.cure
