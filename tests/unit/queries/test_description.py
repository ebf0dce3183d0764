"""A query says what it answers and which parameters it accepts."""

import pytest
from flask import Flask

from invenio_stats.queries import DateHistogramQuery, Query, TermsQuery
from invenio_stats.queries.description import describe


@pytest.fixture(autouse=True)
def _context():
    """An application, whose prefix queries put before the names of their indices."""
    app = Flask("prefix")
    app.config["SEARCH_INDEX_PREFIX"] = ""
    with app.app_context():
        yield


DATES = ("start_date", "end_date")


def test_a_histogram_has_an_interval():
    found = describe(DateHistogramQuery("q", "stats-x", client=1, required_filters={"bucket": "bucket_id"}))
    assert (found.kind, found.metrics, found.groups) == ("histogram", ("value",), ())
    assert (found.required, found.optional) == (("bucket",), ("interval", *DATES))
    assert not found.accepts_others


def test_a_total_has_groups_and_optional_filters():
    found = describe(
        TermsQuery(
            "q",
            "stats-x",
            client=1,
            aggregated_fields=["query"],
            optional_filters={"query": "query"},
            metric_fields={"hits": ("sum", "hits", {})},
        )
    )
    assert (found.kind, found.metrics, found.groups) == ("total", ("hits",), ("query",))
    assert (found.required, found.optional) == ((), ("query", *DATES))


def test_parameters_of_modifiers_are_parameters_of_the_query():
    def only(search, country, language="en"):
        """Narrow a search."""

    found = describe(TermsQuery("q", "stats-x", client=1, query_modifiers=[only]))
    assert (found.required, found.optional) == (("country",), (*DATES, "language"))
    assert not found.accepts_others


class Built(TermsQuery):
    """A subclass that builds the search itself."""

    def build_query(self, start_date, end_date, **params):
        """Receive everything."""


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(lambda: TermsQuery("q", "x", client=1, query_modifiers=[lambda search, **all: 1]), id="modifier"),
        pytest.param(lambda: Built("q", "x", client=1), id="build_query"),
    ],
)
def test_who_receives_everything_accepts_any_name(query):
    found = describe(query())
    assert found.accepts_others
    assert (found.required, found.optional) == ((), DATES)


class Stored(Query):
    """A query of another class."""

    def run(self, recid, year=None):
        """Return an answer."""


def test_another_class_has_the_parameters_of_its_run():
    found = describe(Stored("q", "stats-x", client=1))
    assert (found.kind, found.metrics) == ("custom", ())
    assert (found.required, found.optional, found.accepts_others) == (("recid",), ("year",), False)


def test_it_need_not_be_derived_from_ours():
    class Foreign:
        def run(self, **params):
            """Return an answer."""

    assert describe(Foreign())._asdict() == {
        "kind": "custom",
        "metrics": (),
        "groups": (),
        "required": (),
        "optional": (),
        "accepts_others": True,
    }
