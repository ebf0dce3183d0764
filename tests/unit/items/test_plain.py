"""Plain Invenio records, on SQLite: who reads and owns them, and what they say of themselves."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from flask import g
from flask_principal import Identity, Permission, UserNeed

from invenio_stats.items import ANONYMOUS, SYSTEM, Author, Community, ItemIds, plain_access
from invenio_stats.items.access import CheckedAccess
from invenio_stats.items.plain_access import PlainAccess
from invenio_stats.items.plain_metadata import PlainMetadata
from tests.fixtures.plain_records import add_record, plain_application, resolve

OWNER, STRANGER = (Identity(number) for number in (1, 11))
for identity in (OWNER, STRANGER):
    identity.provides.add(UserNeed(identity.id))

RECORDS = {
    "1": {"title": "Moths", "owners": [1, 2], "access_right": "open", "communities": ["bees"]},
    "2": {"title": "Secret moths", "owners": [1], "access_right": "restricted"},
    "3": {"title": "Tides", "owners": [11], "_files": [{"key": "a.csv", "size": 5}, {"key": "b.csv", "size": 7}]},
    "4": {"owners": 1},
}


def for_owners(record):
    """Let everybody read what is not restricted, and owners the rest, as an instance's own factory would."""
    if record.get("access_right") != "restricted":
        return SimpleNamespace(can=lambda: True, allows=lambda identity: True)
    return Permission(*(UserNeed(user_id) for user_id in record["owners"]))


@pytest.fixture(scope="module")
def plain_app(tmp_path_factory):
    """An application with a database, and four records in it."""
    from invenio_files_rest import config
    from invenio_files_rest.models import Bucket  # noqa: F401 - the tables of files

    url = f"sqlite:///{tmp_path_factory.mktemp('plain')}/plain.db"
    defaults = {name: value for name, value in vars(config).items() if name.startswith("FILES_REST_")}
    with plain_application(url, RECORDS_UI_DEFAULT_PERMISSION_FACTORY=for_owners, **defaults) as app:
        from invenio_accounts.models import User
        from invenio_db import db

        for number in (1, 2):
            db.session.add(User(id=number, email=f"{number}@example.org", user_profile={}))
        db.session.get(User, 1).user_profile = {"full_name": "Jane Doe"}
        for pid_value, data in RECORDS.items():
            add_record(pid_value, data)
        db.session.commit()
        yield app


@contextmanager
def counted_statements():
    """Yield the list of statements that are sent to the database."""
    from invenio_db import db
    from sqlalchemy import event

    statements = []

    def remember(connection, cursor, statement, *args):
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", remember)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", remember)


@pytest.fixture
def access(plain_app):
    return CheckedAccess(PlainAccess())


@pytest.mark.parametrize(
    ("identity", "readable"),
    [
        pytest.param(ANONYMOUS, {"1", "3", "4"}, id="visitor"),
        pytest.param(STRANGER, {"1", "3", "4"}, id="stranger"),
        pytest.param(OWNER, {"1", "2", "3", "4"}, id="owner"),
        pytest.param(SYSTEM, {"1", "2", "3", "4"}, id="system"),
    ],
)
def test_the_permission_of_the_page_decides_who_reads(access, identity, readable):
    assert access.readable_items(identity, ["1", "2", "3", "4", "5"]) == readable


def test_a_permission_that_knows_only_the_current_user_is_asked_about_no_other(plain_app, access, monkeypatch):
    monkeypatch.setattr(
        plain_app.extensions["invenio-records-ui"], "_permission_factory", lambda record: SimpleNamespace(can=bool)
    )
    with plain_app.test_request_context():
        g.identity = OWNER
        assert access.readable_items(OWNER, ["1"]) == set()
    with plain_app.test_request_context():
        g.identity = OWNER
        monkeypatch.setattr(
            plain_app.extensions["invenio-records-ui"],
            "_permission_factory",
            lambda record: SimpleNamespace(can=lambda: True),
        )
        assert access.readable_items(OWNER, ["1"]) == {"1"}
        assert access.readable_items(STRANGER, ["1"]) == set()


def nobody(record):
    return Permission(UserNeed("nobody"))


def test_the_factory_of_the_page_itself_comes_first(plain_app, access, monkeypatch):
    monkeypatch.setitem(
        plain_app.config["RECORDS_UI_ENDPOINTS"], "recid", {"permission_factory_imp": f"{__name__}:nobody"}
    )
    assert access.readable_items(OWNER, ["1", "2"]) == set()


def test_without_pages_of_records_nobody_reads(plain_app, access, monkeypatch):
    """Who may read is not known then; a title is better missing than shown to the wrong person."""
    monkeypatch.delitem(plain_app.extensions, "invenio-records-ui")
    monkeypatch.setattr(plain_access, "find_spec", lambda name: None)
    assert access.readable_items(OWNER, ["1"]) == set()


@pytest.mark.parametrize(
    ("settings", "readable"),
    [
        pytest.param({}, {"1", "3", "4"}, id="the setting"),
        pytest.param({"RECORDS_UI_DEFAULT_PERMISSION_FACTORY": f"{__name__}:nobody"}, set(), id="an import string"),
        pytest.param({"RECORDS_UI_DEFAULT_PERMISSION_FACTORY": None}, {"1", "2", "3", "4"}, id="pages for everybody"),
        pytest.param(
            {"RECORDS_UI_ENDPOINTS": {"recid": {"permission_factory_imp": f"{__name__}:nobody"}}}, set(), id="endpoint"
        ),
    ],
)
def test_the_application_of_the_rest_api_reads_the_settings_of_pages(
    plain_app, access, monkeypatch, settings, readable
):
    """The one for pages has invenio-records-ui, this one has not."""
    monkeypatch.delitem(plain_app.extensions, "invenio-records-ui")
    for name, value in settings.items():
        monkeypatch.setitem(plain_app.config, name, value)
    assert access.readable_items(STRANGER, ["1", "2", "3", "4", "5"]) == readable


@pytest.fixture
def buckets(plain_app, monkeypatch):
    """Return a function that gives records a bucket each, whose files a factory lets somebody read."""
    from invenio_db import db
    from invenio_files_rest.models import Bucket, Location
    from invenio_pidstore.models import PersistentIdentifier
    from invenio_records.models import RecordMetadata

    def give(factory, *pid_values):
        location = Location(name="files", uri="/", default=True)
        db.session.add(location)
        db.session.flush()
        for pid_value in pid_values:
            bucket = Bucket(default_location=location.id, default_storage_class="S")
            db.session.add(bucket)
            db.session.flush()
            row = db.session.get(RecordMetadata, PersistentIdentifier.get("recid", pid_value).object_uuid)
            row.json = {**row.json, "_bucket": str(bucket.id)}
        db.session.flush()
        rest = SimpleNamespace(permission_factory=factory)
        monkeypatch.setitem(plain_app.extensions, "invenio-files-rest", rest)

    yield give
    db.session.rollback()


@pytest.mark.parametrize(
    ("identity", "permitted"),
    [
        pytest.param(ANONYMOUS, {"3"}, id="visitor"),
        pytest.param(STRANGER, {"1", "3"}, id="stranger"),
        pytest.param(OWNER, {"3"}, id="owner"),
        pytest.param(SYSTEM, {"1", "2", "3"}, id="system"),
    ],
)
def test_the_permission_of_the_bucket_decides_who_reads_the_files(access, buckets, identity, permitted):
    """Of readable records only; who may read a record without a bucket may read its files."""
    asked = []

    def factory(bucket, action):
        asked.append(action)
        return Permission(UserNeed(11))

    buckets(factory, "1", "2")
    assert access.items_with_readable_files(identity, ["1", "2", "3"]) == permitted
    assert set(asked) <= {"bucket-read"}


def test_without_files_in_buckets_whoever_reads_a_record_reads_its_files(access, buckets, plain_app):
    buckets(None, "1", "2")
    del plain_app.extensions["invenio-files-rest"]
    assert access.items_with_readable_files(STRANGER, ["1", "2"]) == {"1"}


def test_buckets_of_a_batch_need_one_statement_more(access, buckets):
    buckets(lambda bucket, action: None, "1", "2", "3")
    with counted_statements() as statements:
        assert access.items_with_readable_files(OWNER, list(map(str, range(500)))) == {"1", "2", "3", "4"}
    assert len(statements) == 5


def test_a_batch_needs_two_statements(access):
    ids = [str(number) for number in range(500)]
    with counted_statements() as statements:
        assert access.readable_items(OWNER, ids) == {"1", "2", "3", "4"}
    assert len(statements) == 2


def test_a_record_is_known_by_its_uuid_too(access):
    from invenio_pidstore.models import PersistentIdentifier

    uuid = str(PersistentIdentifier.get("recid", "2").object_uuid)
    assert access.readable_items(OWNER, [uuid]) == {uuid}
    assert access.item_of(uuid) == access.item_of("2") == ItemIds("2", "2")
    assert access.item_of("99") is None
    assert access.versions("2") == ["2"]


def test_deleted_records_are_not_known(plain_app, access):
    from invenio_db import db
    from invenio_pidstore.models import PIDStatus

    record, identifier = add_record("5", {"title": "Gone"})
    uuid = str(record.id)
    assert access.readable_items(SYSTEM, ["5", uuid]) == {"5", uuid}
    identifier.status = PIDStatus.DELETED
    db.session.flush()
    assert access.readable_items(SYSTEM, ["5", uuid]) == {uuid}
    record.json = None
    db.session.flush()
    assert access.readable_items(SYSTEM, ["5", uuid]) == set()


def test_owners_are_in_a_field(access):
    assert access.owners(["1", "2", "4", "9"]) == {"1": ["1", "2"], "2": ["1"], "4": ["1"]}


@pytest.mark.parametrize(("user_id", "items"), [(1, {"1", "2", "4"}), ("11", {"3"}), (3, set()), ("%", set())])
def test_items_of_a_user_are_found_in_that_field(access, user_id, items):
    """User 1 does not own what belongs to 11."""
    assert set(access.items_of(user_id)) == items


def test_the_field_of_the_owner_may_lie_deeper(plain_app):
    add_record("6", {"_deposit": {"created_by": 6}})
    access = CheckedAccess(PlainAccess(owner_field="_deposit.created_by"))
    assert access.items_of("6") == ["6"]
    assert access.owners(["6"]) == {"6": ["6"]}


def test_files_are_in_a_field(access):
    assert access.files(["3", "1"]) == {"3": [("a.csv", 5), ("b.csv", 7)], "1": []}


def test_labels_are_communities_without_managers(access):
    assert access.community("bees") == Community("bees", "bees", "bees")
    assert access.communities(ANONYMOUS, ["bees"]) == {"bees": "bees"}
    assert not access.manages_community(OWNER, "bees")


def test_communities_may_have_titles(plain_app):
    access = CheckedAccess(PlainAccess(communities={"bees": "Bees and their keepers"}))
    assert access.communities(ANONYMOUS, ["bees", "wasps"]) == {"bees": "Bees and their keepers"}
    assert access.community("wasps") is None
    assert not access.may_see_community(OWNER, "wasps")


def test_users_have_names_and_never_addresses(access):
    assert access.user_names([1, 2, 3, "system"]) == {"1": "Jane Doe"}


def test_superusers_administer(plain_app):
    pytest.importorskip("invenio_access")
    from invenio_access import InvenioAccess
    from invenio_access.models import ActionUsers
    from invenio_access.permissions import superuser_access
    from invenio_accounts.models import User
    from invenio_db import db

    InvenioAccess(plain_app)
    db.create_all()
    access = CheckedAccess(PlainAccess())
    assert not access.is_administrator(OWNER)
    db.session.add(ActionUsers.allow(superuser_access, user=db.session.get(User, 1)))
    db.session.commit()
    assert access.is_administrator(OWNER)
    assert not access.is_administrator(STRANGER)


def test_records_describe_themselves(plain_app):
    add_record(
        "7",
        {
            "name": "Lichens",
            "authors": ["Doe, Jane", {"name": "Roe, Max", "orcid": "0000-0002-1825-0097"}],
            "publication_date": "2024-05-03",
            "access_right": "embargoed",
            "doi": "10.1234/lichens",
        },
    )
    (found,) = PlainMetadata(keys={"title": "name"})(["7"]).values()
    assert (found.title, found.doi, found.access_status) == ("Lichens", "10.1234/lichens", "embargoed")
    assert found.authors == (Author("Doe, Jane"), Author("Roe, Max", orcid="0000-0002-1825-0097"))
    assert (found.publication_date, found.yop, found.data_type) == ("2024-05-03", "2024", "Unspecified")


def test_a_record_without_title_is_not_known(plain_app):
    described = PlainMetadata()(["1", "4", "9"])
    assert {asked: found.title for asked, found in described.items()} == {"1": "Moths"}
    assert described["1"].url == "https://plain.example.org/records/1"


def test_a_record_that_cannot_be_read_does_not_hide_the_others(plain_app, access, monkeypatch, expect_logged_errors):
    """Whoever uploads a record writes some of its fields, and may leave out what a permission or a list looks for."""
    from invenio_db import db

    strange = {"title": "Strange", "authors": [{}], "_files": [{"name": "a"}], "access_right": "restricted"}
    add_record("66", strange)
    assert access.readable_items(OWNER, ["1", "66"]) == {"1"}
    assert set(PlainMetadata()(["1", "66"])) == {"1"}
    assert access.files(["3", "66"]).keys() == {"3"}
    owned = access.items_of("1")
    monkeypatch.setattr(plain_app.extensions["invenio-stats"], "item_resolver", fail_at("2"))
    assert access.items_of("1") == [item for item in owned if item != "2"] != owned
    db.session.rollback()
    assert {record.message for record in expect_logged_errors()} == {"Error reading a record"}


def fail_at(pid_value):
    """Return a resolver that fails at one record."""

    def find(record):
        if record["control_number"] == pid_value:
            raise KeyError("owners")
        return resolve(record)

    return find
