"""What stands in place of numbers: why there are none, or not all, and what to do."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
from babel.dates import format_date

from invenio_stats.errors import NoAnswerError
from invenio_stats.queries.usage.answers import UsageTotalQuery
from invenio_stats.queries.usage.breakdowns import UsageBreakdownQuery
from tests.flow.pages import site
from tests.flow.pages.addresses import answering

pytestmark = pytest.mark.usefixtures("seeded")
NONE = {"views": 0, "downloads": 0}


@pytest.fixture
def answers(app):
    """Yield `answers(name, **changes)`: answers of the query have these values, or raise `error`."""
    with ExitStack() as changed:
        yield lambda name, **changes: changed.enter_context(answering(app, {name: changes}))


def notices(root):
    return [note.text for note in root.all("div", cls="st-note")]


def test_all_is_well(page):
    assert notices(page("/stats/")) == []


def test_nothing_is_counted_yet(page, answers):
    answers("record-total", **NONE)
    assert notices(page("/stats/records/r1")) == [
        "No views or downloads yet. This record was published on May 3, 2024. "
        "Numbers appear within an hour of the first visit."
    ]


def test_nothing_in_a_period_is_a_counted_zero(page):
    day = site.months_back(3)[0] + timedelta(days=4)
    note = notices(page(f"/stats/records/r1?from={day}&to={day}"))[0]
    assert note.startswith(f"No views or downloads on {day:%B} {day.day}, {day.year}. ")
    assert note.endswith("That is a counted zero, not a gap. Show all")


DAY_PAGES = ("/stats/", "/stats/records/r1", "/stats/communities/coast", "/stats/me", "/stats/users/7")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("path", DAY_PAGES)
def test_a_single_day_is_not_written_as_a_range(page, answers, path, language):
    """Neither in the answer, nor in what it is of, nor where something is missing of it."""
    day = site.months_back(3)[0] + timedelta(days=10)
    gap = {"from": f"{day}", "to": f"{day}", "event_type": "record-view", "reason": "silent"}
    user = {"/stats/me": site.UPLOADER, "/stats/users/7": site.ADMINISTRATOR}.get(path)
    for scope in ("repository", "record", "community", "user"):
        for name in ("total", "series"):
            answers(f"{scope}-{name}", complete=False, gaps=[gap])
    text = " ".join(page(f"{path}?from={day}&to={day}", user, **{"Accept-Language": language}).text.split())
    written = format_date(day, "long", locale=language)
    assert text.count(written) > 3
    assert f"{written} to {written}" not in text
    assert f"{written} bis {written}" not in text
    assert {"en": f"Counted on {written}", "de": f"Gezählt am {written}"}[language] in text


def test_a_single_month_is_not_written_as_a_range(page):
    month = site.months_back(3)[0]
    text = page(f"/stats/?from={month:%Y-%m}&to={month:%Y-%m}").text
    assert f"Downloads by country, the whole month {month:%B %Y}." in text


def test_before_counting_began(page):
    begin = site.months_back(site.MONTHS)[0]
    (note,) = notices(page(f"/stats/?from={begin.year - 1}-01&interval=quarter"))
    assert note.startswith("Counting began on ")
    assert "The period you chose begins earlier" in note


def test_what_is_quoted_begins_when_counting_began(page):
    """Nor is anything new, or drawn beside, only because nobody counted before."""
    begin, *_, last = site.months_back(site.MONTHS)[:-1]
    root = page(f"/stats/?from={begin.year - 1}-01&to={last:%Y-%m}-15&interval=quarter")
    assert root.only("p", cls="st-lead").text.startswith(f"From {begin:%B} 1, {begin.year} to ")
    assert root.all("p", cls="st-basis")[0].text.startswith(f"Counted from {begin:%B} 1, {begin.year} to ")
    assert root.table("Most downloaded records")[0] == ["Rank", "Record", "Downloads"]
    assert "the period before" not in root.all("ul", cls="st-key")[0].text


def test_a_period_before_counting_leads_to_what_was_counted(page):
    """The last twelve months of an instance in its first month: there are numbers already."""
    year = site.months_back(site.MONTHS)[0].year - 2
    root = page(f"/stats/?from={year}&to={year}")
    assert notices(root) == [
        f"Nothing was counted from January 1, {year} to December 31, {year}. "
        "Counting began later, or has not begun yet. Show all"
    ]
    assert root.only("div", cls="st-note").only("a")["href"] == "/stats/?period=all"


def test_a_gap_makes_numbers_too_low(page, answers):
    gap = {"from": "2026-03-14", "to": "2026-03-15", "event_type": "record-view", "reason": "silent"}
    answers("repository-total", complete=False, gaps=[gap])
    assert notices(page("/stats/")) == [
        "These numbers are too low. Not everything was counted from March 14, 2026 to March 15, 2026. What happened"
    ]


def test_a_gap_of_views_and_downloads_is_said_once(page, answers):
    gaps = [
        {"from": "2026-03-14", "to": "2026-03-14", "event_type": name, "reason": "silent"}
        for name in ("record-view", "file-download")
    ]
    answers("repository-series", complete=False, gaps=gaps)
    text = page("/stats/").text
    assert text.count("Too low: not everything was counted on March 14, 2026.") == 1


def test_a_late_worker_is_said(page, answers):
    answers("repository-total", complete=False, gaps=[], updated="2026-11-10T22:00:00+00:00")
    (note,) = notices(page("/stats/"))
    assert note.startswith("Counted up to November 10, 2026, 22:00 UTC only. Later clicks wait;")


def test_a_period_before_that_is_not_whole_is_no_comparison(page, answers):
    before = {"from": "2024-11-01", "to": "2025-10-31", "complete": False, **dict.fromkeys(("views", "downloads"), 50)}
    answers("repository-total", before=before)
    text = page("/stats/").only("dl", cls="st-keys").text
    assert "No comparison: the 12 months before are not wholly counted." in text


def test_countries_that_are_all_folded(page, answers):
    nothing = {"views": 0, "downloads": 0}
    answers("repository-countries", rows=[], other={"views": 0, "downloads": 9}, unknown=nothing, not_shown=["2026-09"])
    assert notices(page("/stats/")) == [
        "Not shown by country. No country had 5 visitors on any one day; the sum, 9 downloads, is public. "
        "A longer period may show more."
    ]


def test_part_of_a_month_has_no_countries(page):
    day = site.months_back(3)[0] + timedelta(days=10)
    root = page(f"/stats/?from={day}&to={day + timedelta(days=3)}")
    (note,) = notices(root)
    assert note.startswith("By country only for whole months. Show ")
    assert page(root.only("div", cls="st-note").only("a")["href"]).table("Where readers come from")


def test_before_a_month_is_over_no_other_month_is_offered(page, answers):
    answers("repository-countries", **{"from": None})
    assert notices(page("/stats/?period=all")) == ["By country only for whole months. The first one is not over yet."]


def test_a_closed_index_of_totals_is_said_with_its_days(page, get, app, seeded, index_prefix):
    """Its numbers are missing from all answers."""
    month = site.months_back(3)[0]
    (index,) = seeded.indices.get_alias(index=f"{index_prefix}stats-record-usage-{month:%Y-%m}")
    app.extensions.pop("invenio-stats-completeness", None)
    whole = get("/api/stats/repository-total?period=12m").json
    seeded.indices.close(index=index)
    try:
        app.extensions.pop("invenio-stats-completeness", None)
        (note,) = notices(page("/stats/"))
        answer = get("/api/stats/repository-total?period=12m").json
    finally:
        seeded.indices.open(index=index)
        app.extensions.pop("invenio-stats-completeness", None)
    last = site.months_back(2)[0] - timedelta(days=1)
    assert note.startswith(f"These numbers are too low. Not everything was counted from {month:%B} 1, {month.year} to ")
    assert (whole["complete"], answer["complete"]) == (True, False)
    assert 0 < answer["downloads"] < whole["downloads"]
    assert {(gap["from"], gap["to"], gap["reason"]) for gap in answer["gaps"]} == {(f"{month}", f"{last}", "closed")}
    assert get("/api/stats/repository-total?period=12m").json == whole


@pytest.mark.parametrize("name", ["repository-series", "repository-countries", "repository-open-ratio"])
def test_a_part_that_fails_does_not_take_the_page(page, answers, name):
    answers(name, error=NoAnswerError(503, "The search engine does not answer."))
    assert notices(page("/stats/")) == ["This part cannot be shown at the moment."]


class WithoutDatabase(site.FixedAnswer):
    """A query while the database is away."""

    def run(self, **params):
        raise NoAnswerError(503, "The database does not answer.")


def test_without_the_database_the_page_says_that_holdings_are_missing(page, get, answers, app):
    entry = {**app.config["STATS_QUERIES"]["repository-holdings"], "cls": WithoutDatabase}
    answers("repository-open-ratio", holdings=None, holdings_error="The database does not answer.")
    app.config["STATS_QUERIES"]["repository-holdings"] = entry  # a copy, which goes after the test
    root = page("/stats/")
    assert root.text.count("The holdings cannot be read at the moment.") == 1
    assert [row[0] for row in root.table("Access to records and to their downloads")][:2] == ["Access", "open"]
    assert get("/stats/").headers["Cache-Control"] == "private, no-store"


def test_without_key_numbers_there_is_no_page(get, answers):
    answers("repository-total", error=NoAnswerError(503, "The search engine does not answer."))
    response = get("/stats/")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "120"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "The numbers cannot be read at the moment." in response.text


def test_the_changed_queries_are_those_of_the_package():
    """The tests above change answers, not the code that asks."""
    queries = site.queries()
    assert queries["repository-total"]["cls"] is UsageTotalQuery
    assert queries["repository-countries"]["cls"] is UsageBreakdownQuery


def test_a_page_asks_its_questions_together(page, seeded, monkeypatch):
    """Two requests, however many questions a page has; the first page of a process needs some more."""
    page("/stats/?period=year")
    sent, perform = [], seeded.transport.perform_request

    def count(method, url, **kwargs):
        sent.append(url.rpartition("/")[2])
        return perform(method, url, **kwargs)

    monkeypatch.setattr(seeded.transport, "perform_request", count)
    first, last = site.months_back(9)[0], site.months_back(3)[0]
    page(f"/stats/?from={first:%Y-%m}&to={last:%Y-%m}")
    assert sent == ["_msearch", "_msearch"]
