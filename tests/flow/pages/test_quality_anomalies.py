"""Everybody sees which days were unusual and what was decided; nobody sees what names a thing that is not theirs."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.core.anomalies import Anomaly
from invenio_stats.operations.anomalies.store import change
from tests.flow.pages import site

NOW = datetime.now(timezone.utc)
EVERYBODY = (site.VISITOR, site.UPLOADER, site.MANAGER, site.ADMINISTRATOR)
HEAD = ["Day", "What", "Clicks", "Usually", "Decision"]


def day(count):
    return f"{site.today() - timedelta(days=count)}"


FOUND = [
    Anomaly(day(3), "item", "r1-v1", 18_204, 12, NOW),
    Anomaly(day(4), "item", "r4-v1", 9_411, 40.5, NOW, state="kept", note="It was in the news."),
    Anomaly(day(5), "country", "IT", 5_000, 0, NOW, state="excluded", note="One network.", events=5_000),
    Anomaly(day(6), "referrer", "intranet.example.org", 700, 3, NOW),
    Anomaly(day(7), "referrer", "", 800, 30, NOW),
    Anomaly(day(8), "agent_class", "ai", 70_000, 300, NOW),
    Anomaly(
        f"{site.today():%Y}-01" if site.today().month > 1 else f"{site.today().year - 1}-12",
        "repository",
        "",
        9,
        2000,
        NOW,
    ),
]
CUSTOMER = FOUND[-1]._replace(what="customer", value="library-17", number=99_000, usual=7)
SECRETS = ("library-17", "99,000", "99000", "r4-v1", "Handbook of field", "intranet.example.org", "Italy", '"IT"')


@pytest.fixture(scope="module", autouse=True)
def stored(seeded, app):
    with app.app_context():
        for anomaly in [*FOUND, CUSTOMER]:
            change(seeded, anomaly.id, lambda known, anomaly=anomaly: anomaly)


def test_all_days_with_their_decisions(page):
    head, *rows = page("/stats/quality").table("Unusual days")
    assert head == HEAD
    assert [row[1:] for row in rows] == [
        [f"Uses of a record: {site.TITLES[0]}", "18,204", "12", "waits for a decision"],
        ["Uses of a record: A restricted record", "9,411", "40", "kept: It was in the news."],
        ["Uses from one country", "5,000", "0", "excluded: One network."],
        ["Uses that came from one site", "700", "3", "waits for a decision"],
        ["Uses that came from one site", "800", "30", "waits for a decision"],
        ["Clicks of AI agents", "70,000", "300", "waits for a decision"],
        ["Uses of all records", "9", "2,000", "waits for a decision"],
    ]


@pytest.mark.parametrize("user", [site.VISITOR, site.MANAGER])
@pytest.mark.parametrize("address", ["/stats/quality", "/stats/quality?table=anomalies&format=json"])
def test_what_names_a_thing_is_not_for_everybody(get, user, address):
    text = get(address, user).text
    assert not [secret for secret in SECRETS if secret in text]
    assert "One network." in text


def test_the_owner_of_a_record_knows_which_it_is(page):
    rows = page("/stats/quality", site.UPLOADER).table("Unusual days")
    assert rows[2][1] == f"Uses of a record: {site.TITLES[3]}"
    assert rows[3][1] == "Uses from one country"


def test_administrators_see_countries_and_sites(page, client):
    rows = [row[1] for row in page("/stats/quality", site.ADMINISTRATOR).table("Unusual days")[3:6]]
    assert rows == ["Uses from Italy", "Uses that came from intranet.example.org", "Uses that came from no known site"]


def test_customers_are_for_administrators(page):
    rows = page("/stats/quality", site.ADMINISTRATOR).table("Unusual days")[1:]
    (row,) = (row for row in rows if "library-17" in row[1])
    assert row[1:4] == ["Requests of a customer: library-17", "99,000", "7"]


def test_a_file_has_the_same_for_the_same_reader(get):
    def read(user):
        return [row["value"] for row in get("/stats/quality?table=anomalies&format=json", user).json["rows"]]

    assert read(site.VISITOR) == ["r1-v1", None, None, None, None, "ai", ""]
    assert read(site.ADMINISTRATOR)[2:5] == ["IT", "intranet.example.org", ""]
    assert get("/stats/quality?table=anomalies&format=csv").text.splitlines()[0] == (
        "period,kind,value,clicks,usually,spike,state,note"
    )


def test_of_many_the_latest_are_shown(page, seeded, app):
    with app.app_context():
        for number in range(30):
            anomaly = Anomaly(day(20 + number), "agent_class", "robot", 5_000, 3, NOW)
            change(seeded, anomaly.id, lambda known, anomaly=anomaly: anomaly)
    root = page("/stats/quality")
    assert len(root.table("Unusual days")) == 21
    assert "The files have all 37." in root.text


def test_a_note_is_text(page, seeded, app):
    note = '<script>alert("1")</script>'
    with app.app_context():
        change(seeded, FOUND[0].id, lambda known: known.decide("kept", note, NOW))
    root = page("/stats/quality")
    assert root.table("Unusual days")[1][-1] == f"kept: {note}"
    assert not root.all("script")
