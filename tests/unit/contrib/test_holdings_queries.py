"""Queries about holdings are there if there is a database, and each is asked by those who may."""

from types import SimpleNamespace

import pytest
from flask import Flask, g
from flask_babel import Babel

from invenio_stats.contrib.queries.holdings import HOLDINGS_QUERIES
from invenio_stats.definitions.parsing import parse_queries
from invenio_stats.errors import NotFoundError
from invenio_stats.items import CheckedAccess, Community
from invenio_stats.items.access import ANONYMOUS
from invenio_stats.queries.holdings import HoldingsQuery, NewRecordsQuery, UploadersQuery

MANAGER, ADMINISTRATOR, STRANGER = (SimpleNamespace(id=number, provides=set()) for number in (1, 2, 3))


class Access:
    """Knows one community, which its manager and the administrator see."""

    holdings = None

    def community(self, slug_or_label):
        return Community("c1", "bees", "Bees") if slug_or_label in ("c1", "bees") else None

    def may_see_community(self, identity, community_id):
        return community_id == "c1" and identity in (MANAGER, ADMINISTRATOR)

    def manages_community(self, identity, community_id):
        return community_id == "c1" and identity is MANAGER

    def is_administrator(self, identity):
        return identity is ADMINISTRATOR


@pytest.fixture
def app():
    app = Flask("holdings")
    Babel(app)
    app.extensions["invenio-stats"] = SimpleNamespace(access=CheckedAccess(Access()))
    return app


def test_each_query_has_its_class_and_scope(app):
    queries = parse_queries(app, HOLDINGS_QUERIES)
    assert {name: (query.cls, query.params["scope"]) for name, query in queries.items()} == {
        f"{scope}-{name}": (cls, scope)
        for scope in ("repository", "community")
        for name, cls in (("holdings", HoldingsQuery), ("new-records", NewRecordsQuery), ("uploaders", UploadersQuery))
    }


def test_without_a_database_they_are_absent(app):
    """The application starts; a question is one about an unknown query."""
    app.extensions["invenio-stats"].access = CheckedAccess(None)
    other = {"cls": HoldingsQuery, "params": {}}
    assert list(parse_queries(app, {**HOLDINGS_QUERIES, "other": other})) == ["other"]


@pytest.fixture
def may(app):
    """Return a function that says whether somebody may ask a query; None if the answer is a 404."""

    def ask(identity, name, **params):
        factory = parse_queries(app, HOLDINGS_QUERIES)[name].permission_factory
        with app.test_request_context():
            g.identity = identity
            try:
                return factory(name, params).can()
            except NotFoundError:
                return None

    return ask


@pytest.mark.parametrize(
    ("name", "params", "manager", "administrator", "stranger"),
    [
        ("repository-holdings", {}, True, True, True),
        ("repository-new-records", {}, True, True, True),
        ("repository-uploaders", {}, False, True, False),
        ("community-holdings", {"community": "bees"}, True, True, None),
        ("community-new-records", {"community": "c1"}, True, True, None),
        ("community-uploaders", {"community": "bees"}, True, False, None),
        ("community-uploaders", {"community": "wasps"}, None, None, None),
        ("community-holdings", {"community": "wasps"}, None, None, None),
    ],
)
def test_who_may_ask(may, name, params, manager, administrator, stranger):
    """What is hidden is answered like what does not exist."""
    answers = [may(identity, name, **params) for identity in (MANAGER, ADMINISTRATOR, STRANGER)]
    assert answers == [manager, administrator, stranger]


@pytest.mark.parametrize("params", [{}, {"community": ""}, {"community": ["bees"]}, {"community": None}])
def test_a_question_that_names_no_community_is_answered_by_the_query(may, params):
    """It says which parameter is missing or wrong; there is nothing to hide."""
    assert may(STRANGER, "community-uploaders", **params)
    assert not may(ANONYMOUS, "community-uploaders", **params)  # a visitor manages none, so none is listed for him
