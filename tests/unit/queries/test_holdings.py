"""Answers about holdings equal an independent count of the records, in plain Invenio and in InvenioRDM's tables."""

import os
import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest
from invenio_cache import current_cache
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from invenio_stats.errors import InvalidRequestInputError, NoAnswerError, NotFoundError
from invenio_stats.items import CheckedAccess
from invenio_stats.items import rdm_holdings as rdm
from invenio_stats.items.access import ANONYMOUS
from invenio_stats.items.plain_access import PlainAccess
from invenio_stats.proxies import current_stats
from invenio_stats.queries.holdings import HoldingsQuery, NewRecordsQuery, UploadersQuery
from invenio_stats.queries.usage.open_ratio import OpenRatioQuery
from invenio_stats.queries.usage.parameters import Accepted
from tests.fixtures.plain_records import add_record, plain_application

BEES, WASPS = "0a0b6e6e-0000-4000-8000-000000000001", "0a0b6e6e-0000-4000-8000-000000000002"
"""Labels of communities; those of InvenioRDM are UUIDs."""
TABLES = (
    "CREATE TABLE rdm_parents_metadata (id {uuid}, json {json})",
    "CREATE TABLE rdm_records_metadata"
    ' (id {uuid}, created {moment}, json {json}, parent_id {uuid}, "index" INTEGER, deletion_status CHAR(1))',
    "CREATE TABLE rdm_parents_community (community_id {uuid}, record_id {uuid})",
    "CREATE TABLE rdm_records_files (record_id {uuid}, object_version_id {uuid})",
    "CREATE TABLE files_object (version_id {uuid}, file_id {uuid})",
    "CREATE TABLE files_files (id {uuid}, size BIGINT)",
)
TYPES = {
    "sqlite": {"uuid": "BLOB", "json": "TEXT", "moment": "TIMESTAMP"},
    "postgresql": {"uuid": "UUID", "json": "JSONB", "moment": "TIMESTAMP WITH TIME ZONE"},
}


class Record:
    """A record as it should be counted."""

    def __init__(self, number, choice):
        self.id = f"{number:05}"
        self.status = choice.choice(["open", "open", "restricted", "embargoed", "metadata-only"])
        self.type = choice.choice(["dataset", "software", None])
        self.published = choice.choice(["2024", "2024-05", "2024-05-03", "2025-01-31", "2024-05/2025-01", None])
        self.created = datetime(2025, 11, 1, tzinfo=timezone.utc) + timedelta(hours=choice.randrange(24 * 150))
        self.owner = choice.choice(["1", "2", "3", "11", None])
        self.communities = choice.sample([BEES, WASPS], choice.randrange(3))
        self.sizes = [choice.randrange(1, 10**10) for _ in range(choice.randrange(4))]
        if self.status == "metadata-only":
            self.sizes = []

    @property
    def month(self):
        text = self.published or ""
        return text[:7] if text[4:5] == "-" else None


def store_plain(holdings):
    """Store holdings as plain records, beside a deleted one and one without an identifier."""
    from invenio_db import db
    from invenio_pidstore.models import PIDStatus

    for record in holdings:
        data = {
            "access_right": record.status,
            "resource_type": record.type,
            "publication_date": record.published,
            "communities": record.communities,
            "owners": [int(record.owner), 99] if record.owner else [],
            "_files": [{"key": str(number), "size": size} for number, size in enumerate(record.sizes)],
        }
        add_record(record.id, {key: value for key, value in data.items() if value}, created=record.created)
    add_record("deleted", {"owners": 1})[0].json = None
    add_record("withdrawn", {"owners": 1})[1].status = PIDStatus.DELETED
    add_record("strange", {"owners": 4, "communities": "bees", "_files": {}, "access_right": "open"})
    db.session.commit()


def store_rdm(holdings):
    """Store holdings as InvenioRDM does, each with an older version, beside deleted ones."""
    from invenio_db import db

    kind = db.engine.dialect.name
    with db.engine.begin() as connection:
        for statement in TABLES:
            connection.execute(text(statement.format(**TYPES[kind])))

        def insert(table, **values):
            connection.execute(table.insert().values(**values))

        for record in holdings:
            parent, newest = uuid4(), uuid4()
            access = {"owned_by": {"user": int(record.owner)} if record.owner else None}
            insert(rdm.PARENTS, id=parent, json={"id": record.id, "access": access})
            for community in record.communities:
                insert(rdm.MEMBERSHIPS, community_id=UUID(community), record_id=parent)
            columns = {"parent_id": parent, "deletion_status": "P"}
            insert(rdm.RECORDS, id=uuid4(), created=record.created, json=rdm_json("old", record), index=1, **columns)
            later = record.created + timedelta(days=40)
            insert(rdm.RECORDS, id=newest, created=later, json=rdm_json(record.status, record), index=2, **columns)
            columns["deletion_status"] = "D"
            insert(rdm.RECORDS, id=uuid4(), created=later, json=rdm_json("open", record), index=3, **columns)
            for size in record.sizes:
                version, file = uuid4(), uuid4()
                insert(rdm.FILES, record_id=newest, object_version_id=version)
                insert(rdm.OBJECTS, version_id=version, file_id=file)
                insert(rdm.CONTENTS, id=file, size=size)


def rdm_json(status, record):
    """Return a record of this access status, which InvenioRDM does not store as such."""
    is_restricted = status in ("restricted", "embargoed")
    found = {
        "access": {
            "record": "public",
            "files": "restricted" if is_restricted else "public",
            "embargo": {"active": status == "embargoed"},
        },
        "files": {"enabled": status != "metadata-only"},
        "metadata": {"title": "A title"},
    }
    if record.type:
        found["metadata"]["resource_type"] = {"id": record.type}
    if record.published:
        found["metadata"]["publication_date"] = record.published
    return found


class RDMTables(PlainAccess):
    """Knows the tables of InvenioRDM; all else is as in the other kind of tests."""

    def holdings(self):
        from invenio_db import db

        return rdm.select_holdings(db.engine.dialect.name)

    def user_names(self, user_ids):
        return {}


@pytest.fixture(scope="module")
def holdings():
    choice = random.Random(24)
    return [Record(number, choice) for number in range(120)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request, tmp_path_factory):
    """An empty database; PostgreSQL only where one runs (`scripts/services start postgresql`)."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('holdings')}/plain.db"
        return
    server = os.environ.get("DATABASE_URL")
    if not server:
        pytest.skip("no DATABASE_URL: scripts/services start postgresql")
    from sqlalchemy import create_engine

    name = f"holdings{uuid4().hex[:8]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        connection.execute(text(f"ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'"))
    yield server.rpartition("/")[0] + f"/{name}"
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="module", params=["plain", "rdm"])
def database(request, database_url, holdings):
    from invenio_db import db

    with plain_application(database_url) as app:
        if request.param == "plain":
            store_plain(holdings)
        else:
            db.drop_all()
            store_rdm(holdings)
            app.extensions["invenio-stats"].access = CheckedAccess(RDMTables())
        yield request.param
        if request.param == "rdm":
            with db.engine.begin() as connection:
                for statement in TABLES:
                    connection.execute(text("DROP TABLE " + statement.split()[2]))


@pytest.fixture(autouse=True)
def _empty_cache(database):
    current_cache.clear()


SCOPES = [("repository", {}), ("community", {"community": BEES})]


def of_scope(holdings, params):
    return [record for record in holdings if not params or params["community"] in record.communities]


def ranked(counts):
    """Return what a list has: the highest first, ties by id."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


@pytest.mark.parametrize(("by", "attribute"), [("access_status", "status"), ("resource_type", "type")])
@pytest.mark.parametrize(("scope", "params"), SCOPES)
def test_holdings_by_a_property(database, holdings, scope, params, by, attribute):
    answer = HoldingsQuery("holdings", scope).run(by=by, **params)
    counts = Counter(getattr(record, attribute) for record in of_scope(holdings, params))
    if database == "plain" and scope == "repository":
        counts["open" if by == "access_status" else None] += 1  # the strange record
    assert answer["unknown"] == counts.pop(None, 0)
    assert [(row["id"], row["records"]) for row in answer["rows"]] == ranked(counts)
    assert [row["rank"] for row in answer["rows"]] == list(range(1, len(counts) + 1))
    assert (answer["count"], answer["next"], answer["complete"], answer["gaps"]) == (len(counts), None, True, [])


def holdings_in_open_ratio(scope, params):
    query = OpenRatioQuery("open-ratio", Accepted(scope), object())
    return query.present(SimpleNamespace(scope_id=params.get("community")), {}, ANONYMOUS)["holdings"]


@pytest.mark.parametrize(("scope", "params"), SCOPES)
def test_open_against_controlled_holdings(database, holdings, scope, params):
    found = holdings_in_open_ratio(scope, params)
    counts = Counter(record.status for record in of_scope(holdings, params))
    if database == "plain" and scope == "repository":
        counts["open"] += 1  # the strange record
    assert (found["records"], found["unknown"]) == (dict(counts), 0)
    assert found["shares"] == {status: records / counts.total() for status, records in counts.items()}


def test_use_is_answered_without_a_database_that_is_away(database, monkeypatch, caplog):
    """A record's answer has no holdings in either case."""
    away = Mock(side_effect=OperationalError("SELECT 1", {}, Exception("gone")))
    monkeypatch.setattr(HoldingsQuery, "statement", away)
    used = {"requests": {"open": 3}}
    answer = OpenRatioQuery("ratio", Accepted("repository"), object()).present(
        SimpleNamespace(scope_id=None), used, ANONYMOUS
    )
    assert answer == {
        **used,
        "holdings": None,
        "holdings_error": "The database does not answer. Ask again later.",
    }
    of_record = OpenRatioQuery("ratio", Accepted("record"), object())
    assert of_record.present(SimpleNamespace(scope_id="a"), used, ANONYMOUS) == used
    (logged,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert (logged.query, logged.error, logged.exc_info) == ("ratio", "OperationalError", None)


def test_a_community_without_holdings_has_no_share(database, monkeypatch):
    monkeypatch.setattr(PlainAccess, "communities", lambda self, identity, labels: dict.fromkeys(labels, ""))
    found = holdings_in_open_ratio("community", {"community": str(UUID(int=7))})
    assert (found["records"], found["shares"], found["unknown"]) == ({}, None, 0)


def test_an_instance_without_a_database_has_no_holdings(database, monkeypatch):
    monkeypatch.setattr(current_stats, "access", CheckedAccess(object()))
    assert holdings_in_open_ratio("repository", {}) is None


@pytest.mark.parametrize(("scope", "params"), SCOPES)
def test_holdings_by_month_of_publication(database, holdings, scope, params):
    """A date that is less exact than a month is unknown; the newest month comes first."""
    answer = HoldingsQuery("holdings", scope).run(by="publication_month", **params)
    counts = Counter(record.month for record in of_scope(holdings, params))
    del counts[None]
    assert [(row["id"], row["records"]) for row in answer["rows"]] == sorted(counts.items(), reverse=True)


def test_holdings_by_community(database, holdings):
    """A record in two communities is in both; one in none is unknown."""
    answer = HoldingsQuery("holdings").run(by="community")
    counts = Counter(community for record in holdings for community in record.communities)
    assert [(row["id"], row["title"], row["records"]) for row in answer["rows"]] == [
        (label, label, records) for label, records in ranked(counts)
    ]
    assert answer["unknown"] == sum(not record.communities for record in holdings) + (database == "plain")


def test_a_community_that_is_hidden_keeps_its_rank_and_number(database, app_access):
    app_access(communities={BEES: "Bees"})
    rows = HoldingsQuery("holdings").run(by="community")["rows"]
    assert [row["rank"] for row in rows] == [1, 2]
    assert {row["id"]: row["title"] for row in rows} == {BEES: "Bees", None: "A restricted community"}


@pytest.mark.parametrize("by", ["records", "files", "bytes"])
@pytest.mark.parametrize(("scope", "params"), SCOPES)
def test_uploaders(database, holdings, scope, params, by):
    answer = UploadersQuery("uploaders", scope).run(by=by, **params)
    numbers = defaultdict(lambda: {"records": 0, "files": 0, "bytes": 0})
    for record in of_scope(holdings, params):
        owned = numbers[record.owner]
        owned["records"] += 1
        owned["files"] += len(record.sizes)
        owned["bytes"] += sum(record.sizes)
    if database == "plain" and scope == "repository":
        numbers["4"]["records"] += 1
    assert answer["unknown"] == numbers.pop(None)["records"]
    expected = sorted(numbers.items(), key=lambda item: (-item[1][by], item[0]))
    assert [(row["id"], {name: row[name] for name in numbers["1"]}) for row in answer["rows"]] == expected


def test_a_list_is_read_page_by_page(database):
    """By `after` or by `page`, the pages are the list."""
    query = UploadersQuery("uploaders")
    whole = query.run()["rows"]
    rows, after = [], {}
    while True:
        answer = query.run(size=2, **after)
        rows += answer["rows"]
        if answer["next"] is None:
            break
        after = {"after": answer["next"]}
    assert rows == whole
    assert query.run(size="3", page="2")["rows"] == whole[3:6]
    beyond = query.run(page=100)
    assert (beyond["rows"], beyond["count"], beyond["next"]) == ([], len(whole), None)


@pytest.mark.parametrize(("scope", "params"), SCOPES)
def test_new_records_and_uploaders_by_month(database, holdings, scope, params):
    """Months are those of UTC, whatever the time zone of the database."""
    answer = NewRecordsQuery("new", scope).run(**{"from": "2025-10", "to": "2026-04", **params})
    assert (answer["from"], answer["to"]) == ("2025-10-01", "2026-04-30")
    new = defaultdict(list)
    for record in of_scope(holdings, params):
        new[f"{record.created:%Y-%m}-01"].append(record)
    assert [point["date"] for point in answer["points"]] == [
        "2025-10-01",
        *("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"),
    ]
    for point in answer["points"]:
        owners = {record.owner for record in new[point["date"]]} - {None}
        assert (point["records"], point["uploaders"]) == (len(new[point["date"]]), len(owners))


@pytest.mark.parametrize("end", ["9999", "9999-12", "9999-12-31"])
def test_a_range_ends_today_at_the_latest(database, end):
    assert NewRecordsQuery("new").run(to=end)["points"] == NewRecordsQuery("new").run()["points"]


def test_the_running_month_is_named(database):
    """Without dates a series begins with the first record and ends now."""
    points = NewRecordsQuery("new").run()["points"]
    assert points[0]["date"] == "2025-11-01"
    assert [point["state"] for point in points] == ["whole"] * (len(points) - 1) + ["running"]


def test_an_answer_is_kept_until_the_hour_is_over(database, statements):
    query = HoldingsQuery("holdings")
    assert query.run() == query.run()
    assert len(statements) == 1
    query.run(by="resource_type")
    assert len(statements) == 2
    query.run(size=1)
    assert len(statements) == 3


@pytest.fixture
def statements(database):
    """What is sent to the database."""
    from invenio_db import db
    from sqlalchemy import event

    sent = []

    def remember(connection, cursor, statement, *args):
        if statement.lstrip().startswith(("SELECT", "WITH")) and "holdings" in statement:
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", remember)
    yield sent
    event.remove(db.engine, "before_cursor_execute", remember)


@pytest.fixture
def app_access(database, monkeypatch):
    """Return a function that replaces what the instance knows of communities."""
    from flask import current_app

    state = current_app.extensions["invenio-stats"]
    kind = PlainAccess if database == "plain" else RDMTables

    def replace(**params):
        monkeypatch.setattr(state, "access", CheckedAccess(kind(**params)))

    return replace


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"by": "colour"}, "by is 'colour'"),
        ({"size": 1001}, "size is 1001"),
        ({"size": "many"}, "size is 'many'"),
        ({"after": "-1"}, "after is '-1'"),
        ({"page": True}, "page is True"),
        ({"page": 2, "after": "25"}, "Both page and after"),
        ({"color": "red"}, "Unknown parameters: 'color'"),
        ({"community": BEES}, "Unknown parameters: 'community'"),
    ],
)
def test_parameters_that_do_not_fit_are_named(database, params, said):
    with pytest.raises(InvalidRequestInputError) as caught:
        HoldingsQuery("holdings").run(**params)
    assert said in caught.value.description


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"from": "yesterday"}, "from is 'yesterday'"),
        ({"from": "2026-02", "to": "2026-01"}, "from is '2026-02-01'"),
        ({"from": "2999"}, "from is '2999-01-01'"),
        ({"from": "0001"}, "from is '0001-01-01'"),
    ],
)
def test_dates_that_do_not_fit_are_named(database, params, said):
    with pytest.raises(InvalidRequestInputError) as caught:
        NewRecordsQuery("new").run(**params)
    assert said in caught.value.description


def test_a_community_is_needed_and_has_to_be_known(database, app_access):
    app_access(communities={BEES: "Bees"})
    query = HoldingsQuery("holdings", "community")
    with pytest.raises(InvalidRequestInputError):
        query.run()
    with pytest.raises(InvalidRequestInputError):
        query.run(community=BEES, by="community")
    with pytest.raises(NotFoundError):
        query.run(community="unknown")


def test_a_database_that_does_not_answer_is_a_503(database, monkeypatch, caplog):
    from sqlalchemy import column, select, table

    missing = select(table("missing", column("owner"), column("files"), column("bytes"))).subquery()
    monkeypatch.setattr(PlainAccess, "holdings", lambda self: rdm.Holdings(missing, missing))
    monkeypatch.setattr(RDMTables, "holdings", lambda self: rdm.Holdings(missing, missing))
    with pytest.raises(NoAnswerError) as caught:
        UploadersQuery("uploaders").run()
    assert caught.value.code == 503
    assert [record.query for record in caplog.records if record.levelname == "ERROR"] == ["uploaders"]


def test_a_file_has_the_whole_list(database, monkeypatch):
    """Page by page; what belongs to no row is told once, at the end."""
    query, params = HoldingsQuery("repository-holdings"), {"by": "publication_month"}
    whole = query.answer({**params, "size": 1_000}, ANONYMOUS)
    monkeypatch.setattr("invenio_stats.queries.database.MAX_SIZE", 1)
    parts = list(query.parts(params, ANONYMOUS, 1_000))
    assert len(parts) == whole["count"] > 1
    assert [row for part in parts for row in part["rows"]] == whole["rows"]
    assert sum(part["unknown"] for part in parts) == whole["unknown"] > 0
    with pytest.raises(InvalidRequestInputError, match="STATS_EXPORT_ROWS"):
        next(query.parts(params, ANONYMOUS, 1))
