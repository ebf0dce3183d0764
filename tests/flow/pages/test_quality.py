"""The page of data quality: days, reasons and versions are those that are stored, and each part may fail by itself."""

from datetime import datetime, timedelta, timezone

import pytest
from invenio_search.utils import prefix_index

from invenio_stats.completeness.gaps import find_gaps
from invenio_stats.contrib.config import EVENTS_CONFIG
from invenio_stats.core.names import AGENTS, CORRECTIONS
from invenio_stats.errors import NoAnswerError
from invenio_stats.operations.corrections import note_correction
from invenio_stats.operations.monitoring import ingest_counters, last_runs
from invenio_stats.operations.monitoring.excluded_agents import ExcludedAgents
from invenio_stats.pages.quality import TOPICS
from invenio_stats.pages.quality_days import CountedDays
from invenio_stats.processing.batch import AgentKey
from tests.flow.pages import site

PHONE = "Phone/5 (Bot Edition)"
REASONS = {"robot": 900, "ai": 300, "machine": 100, "double_click": 50, "objection": 20, "dead": 2}
EVERYBODY = (site.VISITOR, site.UPLOADER, site.MANAGER)
PUBLIC = [
    "Are they fresh?",
    "Are they complete?",
    "What was left out, and why?",
    "Unusual days",
    "Corrections",
    "Rules and lists in force",
]


def days_ago(count):
    return site.today() - timedelta(days=count)


def number(text):
    return int(text.replace(",", ""))


def headings(root):
    return [node.text for node in root.walk() if node.tag == "h2"]


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, "STATS_EVENTS": EVENTS_CONFIG}


@pytest.fixture(scope="module")
def measured(seeded, app):
    """A gap of three days a month ago, reasons, and a user agent that may be a phone's."""
    counters = ingest_counters.Counters(seeded, "file-download")
    counters.add(days_ago(40), REASONS)
    agents = ExcludedAgents(seeded, "file-download")
    agents.add(
        days_ago(40), {AgentKey("phone", "robot"): 70, AgentKey("unknown", "machine"): 5, AgentKey("", "robot"): 4}
    )
    agents.write()
    prefix = app.config["SEARCH_INDEX_PREFIX"]
    seeded.index(index=f"{prefix}{AGENTS}", id="phone", body={"agent_id": "phone", "agent": PHONE})
    seeded.indices.refresh(index=f"{prefix}*")
    find_gaps(
        seeded, "record-view", {"refused": {days_ago(day): 7 for day in (30, 31, 32)}}, datetime.now(timezone.utc)
    )
    app.extensions.pop("invenio-stats-completeness", None)
    app.extensions["invenio-cache"].cache.clear()


pytestmark = pytest.mark.usefixtures("measured")


@pytest.fixture
def fails(monkeypatch):
    """Return a function that makes a topic unanswerable."""

    def fail(name):
        def refuse(days, now):
            raise NoAnswerError(503, "The search engine does not answer.")

        monkeypatch.setitem(TOPICS, name, TOPICS[name]._replace(find=refuse))

    return fail


def test_the_first_screen_answers_in_words(page):
    root = page("/stats/quality")
    assert root.only("h1").text == "How far you can trust these numbers"
    lead = root.only("p", cls="st-lead").text
    assert " are counted, but for 3 days. " in lead
    assert "The latest numbers are " in lead
    assert lead.endswith("The most frequent reason: Robots.")
    assert root.only("a", aria_current="page").text == "Data quality"


def test_before_the_first_day_the_first_screen_says_so(page, monkeypatch):
    topic = TOPICS["complete"]._replace(find=lambda days, now: CountedDays(days, {}, []))
    monkeypatch.setitem(TOPICS, "complete", topic)
    root = page("/stats/quality")
    assert root.only("p", cls="st-lead").text.startswith("No day is counted yet. ")
    assert not [link for link in root.all("a") if "table=complete" in (link["href"] or "")]


@pytest.mark.parametrize("user", EVERYBODY)
def test_everybody_sees_what_was_left_out_and_nobody_the_agents(page, get, user):
    root = page("/stats/quality", user)
    assert headings(root) == PUBLIC
    assert PHONE not in root.text
    assert get("/stats/quality?table=agents&format=json", user).status_code == (401 if user is None else 403)


def test_administrators_see_which_agent_is_caught(page):
    root = page("/stats/quality", site.ADMINISTRATOR)
    assert headings(root) == [*PUBLIC[:3], "Most often excluded as robots", *PUBLIC[3:]]
    head, *rows = root.table("Most often excluded as robots")
    assert head == ["User agent", "Class", "List", "Pattern", "Clicks"]
    assert [(row[0], row[1], row[4]) for row in rows] == [
        (PHONE, "robot", "70"),
        ("unknown", "script or tool", "5"),
        ("(not known)", "robot", "4"),
    ]


def test_reasons_are_ranked_and_shares_are_of_all_clicks(page, client):
    root = page("/stats/quality")
    rows = root.table("What was left out, and why?")[1:]
    assert [number(row[2]) for row in rows] == [900, 300, 100, 50, 20, 2]
    assert rows[0][1] == "Robotssearch engines, crawlers, monitors"
    assert rows[4][1] == "Objectionsvisitors who object, by their choice or a signal of their browser"
    file = client.get("/stats/quality?table=left-out&format=json").json["rows"]
    assert [row["clicks"] for row in file[:-1]] == [900, 300, 100, 50, 20, 2]
    assert file[4]["reason"] == "objections"
    assert sum(row["share"] for row in file) == pytest.approx(1, abs=1e-5)
    everything = sum(row["clicks"] for row in file)
    assert rows[0][3] == f"{90_000 / everything:.1f}%"
    assert f"Of {everything:,} clicks," in root.only("p", cls="st-lead").text


def test_a_strip_has_a_cell_for_each_day_and_the_table_says_why(page, client):
    root = page("/stats/quality")
    strip = root.only("div", role="img")
    parts = [cell for cell in strip.all("rect") if (cell["fill"] or "").startswith("url(")]
    assert len(parts) == 1
    assert float(parts[0]["width"].rstrip("%")) == pytest.approx(100 * 3 / 365, abs=0.01)
    (row,) = root.table("Days that are not whole")[1:]
    assert row[2:] == [
        "Views",
        "Events were refused, since the disk had no space for them while the broker was away.",
    ]
    assert root.only("p", id="complete-d").text.endswith(" 3 days are counted in part.")
    lines = client.get("/stats/quality?table=complete&format=csv").text.splitlines()
    assert lines[0] == "date,state,missing"
    assert len(lines) == 366
    missing = [line for line in lines if "in_part" in line]
    assert missing == [f"{days_ago(day)},in_part,record-view: refused" for day in (32, 31, 30)]


def test_freshness_is_a_word_beside_its_sign(page, app):
    now = datetime.now(timezone.utc)
    with app.app_context():
        last_runs.remember("events", "record-view", {"finished": (now - timedelta(days=10)).isoformat()})
        last_runs.remember("aggregations", "record-view-agg", {"finished": now.isoformat()})
        last_runs.remember("aggregations", "file-download-agg", {"finished": now.isoformat(), "error": "Timeout"})
        for hours in (245, 244, 243):
            last_runs._remember_time("events", "record-view", now - timedelta(hours=hours))
    rows = {row[0]: row for row in page("/stats/quality").table("How fresh the numbers are")[1:]}
    assert rows["Views"][1] == "late, last run 1 week ago"
    assert rows["Totals of views"][1] == "up to date"
    assert rows["Totals of downloads"][1] == "the last run failed"
    assert rows["Downloads"][1] == "no run is known"
    assert rows["Views"][2].endswith(" UTC")


def test_corrections_of_numbers_are_shown(page, client, seeded, app):
    """When, what, by which command, and how much of each month."""
    assert "No number was ever corrected." in page("/stats/quality").text
    now = datetime(2026, 5, 31, 12, tzinfo=timezone.utc)
    months = {f"2026-{month:02}": {"views": -month, "downloads": 1_000} for month in range(1, 6)}
    with app.app_context():
        note_correction(seeded, "exclusion", "Excluded: a script.", months, now, "invenio stats anomalies exclude")
    root = page("/stats/quality")
    (row,) = root.table("Corrections")[1:]
    assert row[1] == "Events excluded or included by a person: Excluded: a script."
    first = "Jan 2026: views \u22121, downloads +1,000; Feb 2026: views \u22122, downloads +1,000; "
    assert row[2] == f"{first}Mar 2026: views \u22123, downloads +1,000; and 2 more months"
    assert row[3] == "invenio stats anomalies exclude"
    rows = client.get("/stats/quality?table=corrections&format=json").json["rows"]
    assert len(rows) == 10
    assert rows[0]["month"] == "2026-01"
    with app.app_context():
        seeded.indices.delete(index=prefix_index(CORRECTIONS))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("reclassification", "User agents classified anew"),
        ("exclusion", "Events excluded or included by a person"),
        ("rebuild", "Totals counted again"),
        ("import", "Numbers imported"),
        ("restatement", "A closed month stated again"),
    ],
)
def test_each_kind_of_correction_is_shown(page, client, seeded, app, kind, said):
    now = datetime(2026, 5, 31, 12, tzinfo=timezone.utc)
    months = {"2026-03": {"Total_Item_Requests": -7}}
    with app.app_context():
        note_correction(seeded, kind, "Why it was.", months, now, "invenio stats example")
    (row,) = page("/stats/quality").table("Corrections")[1:]
    assert row[1:] == [f"{said}: Why it was.", "Mar 2026: Total Item Requests \u22127", "invenio stats example"]
    (line,) = client.get("/stats/quality?table=corrections&format=json").json["rows"]
    assert line["kind"] == kind
    with app.app_context():
        seeded.indices.delete(index=prefix_index(CORRECTIONS))


def test_versions_are_those_in_force(page):
    rows = {row[0]: row[1] for row in page("/stats/quality").table("Rules and lists in force")[1:]}
    assert rows["Counting rules"] == "COUNTER 5.1"
    assert all(version for version in rows.values())


@pytest.mark.parametrize("name", [name for name in TOPICS if name != "agents"])
def test_a_part_that_fails_does_not_take_the_page(page, get, fails, name):
    fails(name)
    root = page("/stats/quality")
    assert headings(root) == PUBLIC
    assert [note.text for note in root.all("div", cls="st-note")] == ["This part cannot be shown at the moment."]
    assert get(f"/stats/quality?table={name}&format=csv").status_code == 503


def test_without_a_cache_the_rest_is_shown(page, app, monkeypatch):
    """The last runs are remembered there."""

    def fail(key):
        raise ConnectionError("The cache is away.")

    monkeypatch.setattr(app.extensions["invenio-cache"].cache, "get", fail)
    root = page("/stats/quality")
    assert [note.text for note in root.all("div", cls="st-note")] == ["This part cannot be shown at the moment."]


@pytest.mark.parametrize("extension", ["csv", "xlsx", "json"])
def test_each_table_is_a_file_in_each_format(page, get, extension):
    root = page("/stats/quality", site.ADMINISTRATOR)
    links = [link["href"] for link in root.all("a") if f"format={extension}" in (link["href"] or "")]
    assert len(links) == len(root.all("table"))
    for name in TOPICS:
        assert get(f"/stats/quality?table={name}&format={extension}", site.ADMINISTRATOR).status_code == 200
    assert {get(link, site.ADMINISTRATOR).status_code for link in links} == {200}


def test_what_is_empty_has_no_files(page):
    root = page("/stats/quality")
    assert {"Unusual days", "Corrections"} <= {*headings(root)}
    for name in ("anomalies", "corrections"):
        assert not [link for link in root.all("a") if f"table={name}" in (link["href"] or "")]


@pytest.mark.parametrize(
    "question", ["?table=left-out", "?format=csv", "?table=none&format=csv", "?table=fresh&format=pdf", "?period=30d"]
)
def test_a_wrong_question_has_no_answer(get, question):
    assert get(f"/stats/quality{question}").status_code == 400


def test_everybody_may_keep_what_everybody_sees(get):
    assert get("/stats/quality").headers["Cache-Control"] == "public, max-age=300"
    kept = get("/stats/quality", site.ADMINISTRATOR).headers["Cache-Control"]
    assert kept == "private, max-age=0, must-revalidate"


def test_notices_of_other_pages_lead_here(page):
    root = page(f"/stats/?from={days_ago(31)}&to={days_ago(30)}")
    (link,) = [link for link in root.all("a") if link.text == "What happened"]
    assert link["href"] == "/stats/quality"


def test_a_page_without_all_of_its_parts_is_not_kept(get, fails):
    """The part may be back in a moment: no proxy may show its absence for longer."""
    fails("left-out")
    assert get("/stats/quality").headers["Cache-Control"] == "private, no-store"
