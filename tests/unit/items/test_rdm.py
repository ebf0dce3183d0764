"""InvenioRDM is asked a bounded number of times; `tests/rdm` asks a real one."""

import sys
from types import SimpleNamespace

import pytest
from flask import Flask
from flask_babel import Babel

from invenio_stats.items import ANONYMOUS, SYSTEM, Author, CheckedAccess, Community, Container, ItemIds
from invenio_stats.items.rdm_access import RDMAccess
from invenio_stats.items.rdm_metadata import RDMMetadata, describe


def document(item_id, parent_id, index, latest=True, access="public", owner=7, **more):
    """Return a record as InvenioRDM indexes it."""
    return {
        "id": item_id,
        "_id": f"uuid of {item_id}",
        "parent": {"id": parent_id, "access": {"owned_by": {"user": owner}}},
        "versions": {"index": index, "is_latest": latest},
        "access": {"record": access, "status": "open"},
        "files": {"entries": [{"key": f"{item_id}.csv", "size": 5}]},
        "metadata": {"title": f"Title of {item_id}", "resource_type": {"id": "dataset", "title": {"en": "Dataset"}}},
        **more,
    }


RECORDS = [
    document("a1", "pa", 1, latest=False),
    document("a2", "pa", 2, latest=False),
    document("a3", "pa", 3, access="restricted"),
    document("b1", "pb", 1),
    document("c1", "pc", 1, access="restricted", owner=None),
]
COMMUNITIES = [
    {"id": "c1", "slug": "bees", "metadata": {"title": "Bees"}, "access": {"record": "public"}},
    {"id": "c2", "slug": "wasps", "metadata": {"title": "Wasps"}, "access": {"record": "restricted"}},
]


class Service:
    """A service of InvenioRDM whose search has a filter on the values of a field, and counts its searches."""

    def __init__(self, documents):
        self.documents = documents
        self.searches = []

    def search(self, identity, params, extra_filter):
        self.searches.append(params)
        ((field, values),) = extra_filter["terms"].items()
        found = [
            SimpleNamespace(to_dict=lambda hit=hit: hit)
            for hit in self.documents
            if self._value(hit, field) in values
            and (identity is SYSTEM or hit["access"]["record"] == "public")
            and (params.get("allversions", True) or hit["versions"]["is_latest"])
        ]
        return SimpleNamespace(_results=found[: params["size"]])

    def search_request(self, identity, params, record_cls, config, extra_filter, permission_action):
        """Return a search whose action only the owner of a record is permitted."""
        self.searches.append({**params, "action": permission_action})
        ((field, values),) = extra_filter["terms"].items()
        hits = [
            SimpleNamespace(id=hit["id"])
            for hit in self.documents
            if self._value(hit, field) in values and hit["parent"]["access"]["owned_by"]["user"] == identity.id
        ]
        return SimpleNamespace(source=lambda fields: SimpleNamespace(execute=lambda: hits[: params["size"]]))

    record_cls, config = None, SimpleNamespace(search=None)

    def read_many(self, identity, vocabulary, ids, fields):
        self.searches.append({"types": ids})
        return SimpleNamespace(hits=[{"id": type_id, "props": {"datacite_general": "Dataset"}} for type_id in ids])

    @staticmethod
    def _value(hit, field):
        for key in field.split("."):
            hit = hit[key]
        return hit


@pytest.fixture
def service(monkeypatch):
    """Stand in for the modules of InvenioRDM, which is not installed here."""
    service, communities = Service(RECORDS), Service(COMMUNITIES)
    modules = {
        "invenio_rdm_records": {},
        "invenio_rdm_records.proxies": {"current_rdm_records_service": service},
        "invenio_communities": {},
        "invenio_communities.proxies": {"current_communities": SimpleNamespace(service=communities)},
        "invenio_access": {},
        "invenio_access.permissions": {"system_identity": SYSTEM},
        "invenio_vocabularies": {},
        "invenio_vocabularies.proxies": {"current_service": service},
        "invenio_search.engine": {"dsl": SimpleNamespace(Q=lambda kind, **body: {kind: body})},
    }
    for name, content in modules.items():
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**content))
    return service


@pytest.fixture
def access(service):
    return CheckedAccess(RDMAccess())


def test_an_item_stands_for_itself_and_a_parent_for_its_newest_readable_version(access):
    shown = access.shown_items(ANONYMOUS, ["a1", "a3", "pa", "pb", "pc", "unknown"])
    assert shown == {"a1": "a1", "pa": "a2", "pb": "b1"}
    assert access.shown_items(SYSTEM, ["pa", "pc"]) == {"pa": "a3", "pc": "c1"}
    assert access.readable_items(ANONYMOUS, ["a2", "a3", "pa", "pc"]) == {"a2", "pa"}


def test_files_are_those_of_whom_the_policy_permits_to_read_files(access, service):
    """In one request for the whole batch."""
    ids = ["a1", "a3", "c1", *map(str, range(400))]
    assert access.items_with_readable_files(SimpleNamespace(id=7), ids) == {"a1", "a3"}
    assert [search["action"] for search in service.searches] == ["read_files"]
    assert access.items_with_readable_files(SimpleNamespace(id=8), ids) == set()


@pytest.mark.parametrize(
    ("ids", "searches"),
    [
        pytest.param(["a1"] * 3, 1, id="items"),
        pytest.param(["pb"], 2, id="a parent whose newest version may be read"),
        pytest.param(["a1", "pa", "pb", *map(str, range(497))], 3, id="a whole batch"),
    ],
)
def test_a_batch_needs_three_searches_at_most(access, service, ids, searches):
    access.shown_items(ANONYMOUS, ids)
    assert len(service.searches) == searches


def test_ids_belong_together(access):
    assert access.item_of("a1") == access.item_of("uuid of a1") == ItemIds("a1", "pa")
    assert access.item_of("pa") == ItemIds(None, "pa")
    assert access.item_of("unknown") is None
    assert access.versions("pa") == ["a1", "a2", "a3"]


def test_owners_are_those_of_the_parent(access, service):
    assert access.owners(["a1", "pa", "c1", "unknown"]) == {"a1": ["7"], "pa": ["7"], "c1": []}
    assert len(service.searches) == 2


def test_files_are_those_of_the_version(access):
    assert access.files(["a1", "b1"]) == {"a1": [("a1.csv", 5)], "b1": [("b1.csv", 5)]}


def test_communities_have_ids_and_slugs_and_some_are_hidden(access):
    assert access.community("wasps") == access.community("c2") == Community("c2", "wasps", "Wasps")
    assert access.community("unknown") is None
    assert access.communities(ANONYMOUS, ["c1", "c2", "c3"]) == {"c1": "Bees"}
    assert access.may_see_community(ANONYMOUS, "c1")
    assert not access.may_see_community(ANONYMOUS, "c2")


def test_a_batch_of_metadata_needs_two_requests(service):
    app = Flask("rdm")
    Babel(app)
    app.config["SITE_UI_URL"] = "https://rdm.example.org"
    with app.app_context():
        described = RDMMetadata()(["a1", "b1", "unknown"])
    assert {item_id: (found.title, found.data_type) for item_id, found in described.items()} == {
        "a1": ("Title of a1", "Dataset"),
        "b1": ("Title of b1", "Dataset"),
    }
    assert described["a1"].url == "https://rdm.example.org/records/a1"
    assert len(service.searches) == 2


ARTICLE = document(
    "a1",
    "pa",
    2,
    metadata={
        "title": "Moths",
        "publisher": "Press",
        "publication_date": "2024-05",
        "creators": [
            {"person_or_org": {"name": "Doe, J", "identifiers": [{"scheme": "orcid", "identifier": "0000-0002"}]}}
        ],
        "identifiers": [{"scheme": "issn", "identifier": "1234-5679"}, {"scheme": "issn", "identifier": "second"}],
        "resource_type": {"id": "publication-article", "title": {"de": "Artikel", "en": "Article"}},
    },
    custom_fields={
        "journal:journal": {"title": "Journal of Moths", "issn": "2049-3630"},
        "imprint:imprint": {"title": "Proceedings", "isbn": "978-3-16-148410-0"},
    },
    pids={"doi": {"identifier": "10.1234/moths"}},
)


def described(datacite_type, language="en"):
    app = Flask("rdm")
    Babel(app, default_locale=language)
    app.config["SITE_UI_URL"] = ""
    with app.test_request_context():
        return describe(ARTICLE, datacite_type)


def test_metadata_are_those_of_the_index():
    found = described("JournalArticle", language="de")
    assert (found.title, found.publisher, found.doi, found.issn) == ("Moths", "Press", "10.1234/moths", "1234-5679")
    assert found.authors == (Author("Doe, J", orcid="0000-0002"),)
    assert (found.publication_date, found.yop, found.version) == (None, "2024", "v2")
    assert (found.data_type, found.type_label, found.access_status) == ("Article", "Artikel", "open")


@pytest.mark.parametrize(
    ("datacite_type", "container", "isbn"),
    [
        ("JournalArticle", Container("Journal of Moths", "Journal", issn="2049-3630"), None),
        ("BookChapter", Container("Proceedings", "Book", isbn="978-3-16-148410-0"), None),
        ("ConferencePaper", Container("Proceedings", "Conference", isbn="978-3-16-148410-0"), None),
        ("Book", None, "978-3-16-148410-0"),
        ("Dataset", None, "978-3-16-148410-0"),
    ],
)
def test_what_an_item_was_published_in_depends_on_its_type(datacite_type, container, isbn):
    """COUNTER allows no other item to have a parent; a whole book has the ISBN itself."""
    found = described(datacite_type)
    assert (found.container, found.isbn) == (container, isbn)
