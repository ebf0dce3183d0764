"""Permission is asked about the very value that filters."""

from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invenio_stats import current_stats
from invenio_stats.errors import ConfigurationError
from invenio_stats.ext import finalize_app
from invenio_stats.queries import Query, TermsQuery
from invenio_stats.queries.batch import QueryRequest, answer_all
from tests.flow.rest import refusal

FIELDS = ("text", "whole", "long")
MAPPING = {
    "properties": {
        "timestamp": {"type": "date"},
        "text": {"type": "keyword"},
        "whole": {"type": "integer"},
        "long": {"type": "long"},
        "count": {"type": "integer"},
    }
}
TEXTS = ["7", "07", "+7", "7.0", "42", "secret", "a*", "a?", "\u0667", " 7", "\u00e9", "e\u0301"]
ASKED = []


def ask_about(query_name, params):
    """Remember what was asked about; forbid what STATS_TEST_FORBIDDEN has."""
    ASKED.append((query_name, params))
    return SimpleNamespace(can=lambda: not any(value in params.values() for value in FORBIDDEN))


FORBIDDEN = []


def by_modifier(search, **params):
    return search.filter("term", text=params["value"])


class Custom(Query):
    """A query of somebody else's."""

    def run(self, value):
        return {"type": type(value).__name__}


class Wrapped(TermsQuery):
    """A query whose `run` calls ours."""

    def run(self, **params):
        return super().run(**params)


def by(field, cls=TermsQuery):
    params = {"index": "stats-x", "required_filters": {"value": field}, "metric_fields": {"docs": ("sum", "count", {})}}
    return {"cls": cls, "params": params}


QUERIES = {
    **{field: by(field) for field in FIELDS},
    "wrapped": by("long", Wrapped),
    "named interval": {
        "cls": TermsQuery,
        "params": {**by("whole")["params"], "required_filters": {"interval": "whole"}},
    },
    "modified": {"cls": TermsQuery, "params": {"index": "stats-x", "query_modifiers": [by_modifier]}},
    "custom": {"cls": Custom, "params": {"index": "stats-x"}},
}


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        "SECRET_KEY": "test",
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_QUERIES": QUERIES,
        "STATS_PERMISSION_FACTORY": f"{__name__}.ask_about",
        **cache_config,
    }


@pytest.fixture
def forbid():
    """Return a function that forbids a value; nothing is forbidden or asked about yet."""
    FORBIDDEN.clear()
    ASKED.clear()
    yield FORBIDDEN.append
    FORBIDDEN.clear()


@pytest.fixture
def stored(search_client, index_prefix, refresh):
    """One total for each text, all of them of the number 7 or 42."""
    index = f"{index_prefix}stats-x-2026"
    search_client.indices.create(index=index, body={"mappings": MAPPING, "aliases": {f"{index_prefix}stats-x": {}}})
    for text in TEXTS:
        number = 42 if text == "42" else 7
        search_client.index(
            index=index,
            body={"timestamp": "2026-01-01T00:00:00", "text": text, "whole": number, "long": number, "count": 1},
        )
    refresh()


def question(query, value):
    return {"a": {"stat": query, "params": {"value": value}}}


@pytest.mark.parametrize("forbidden", ["42", 42])
@pytest.mark.parametrize("query", [*FIELDS, "modified", "wrapped"])
@pytest.mark.parametrize("value", ["42", 42, 42.0])
def test_a_forbidden_42_is_forbidden_as_text_and_as_number(stored, ask, forbid, forbidden, query, value):
    assert ask(question(query, value)).json["a"].get("docs", 1) > 0
    forbid(forbidden)
    refusal(ask(question(query, value)), 401)


@pytest.mark.parametrize("value", ["42", 42, 42.0])
def test_a_parameter_with_the_name_of_one_of_other_queries_is_no_exception(stored, ask, forbid, value):
    """Only histograms have an interval."""
    asked = {"a": {"stat": "named interval", "params": {"interval": value}}}
    assert ask(asked).json["a"]["docs"] == 1
    forbid("42")
    refusal(ask(asked), 401)


@pytest.mark.parametrize("value", ["0x1p99999", "-0x1p99999", "0xp1", "0x.p1"])
def test_a_number_beyond_all_floats_and_what_only_looks_like_one_select_nothing(stored, ask, forbid, value):
    forbid(7)
    assert ask(question("text", value)).json["a"]["docs"] == 0
    refusal(ask(question("long", value)))


@pytest.mark.parametrize("query", ["whole", "long", "wrapped"])
@pytest.mark.parametrize("value", [7, 7.0, "7", "07", "+7", "7.0", "7e0", " 7", "0x7p0", "\u0667"])
def test_a_forbidden_number_is_forbidden_in_all_spellings(stored, ask, forbid, query, value):
    forbid(7)
    refusal(ask(question(query, value)), 401)


@pytest.mark.parametrize("query", ["whole", "long", "wrapped"])
@pytest.mark.parametrize("value", ["07", "+7", "7.0", "7e0", " 7", "0x7p0", "\u0667"])
def test_another_spelling_selects_nothing_in_a_field_of_numbers(stored, ask, forbid, query, value):
    """A factory that forbids the text "7" is not asked about it, so the total of 7 must not be shown."""
    forbid("7")
    message = refusal(ask(question(query, value)))
    assert f"value={value!r}" in message
    assert "a number its shortest form" in message


@pytest.mark.parametrize("value", TEXTS)
def test_each_text_of_a_keyword_field_is_itself(stored, ask, value):
    assert ask(question("text", value)).json["a"]["docs"] == 1


def test_permission_and_modifier_get_the_same_text(stored, ask, forbid):
    ask({"a": {"stat": "modified", "params": {"value": 7, "list": [1, "b"], "flag": True, "start_date": "2026"}}})
    assert ASKED == [("modified", {"value": "7", "list": ["1", "b"], "flag": True, "start_date": "2026"})]


def test_the_parameters_of_a_custom_query_stay_as_they_are(ask, forbid):
    assert ask(question("custom", 7)).json == {"a": {"type": "int"}}
    assert [type(params["value"]) for _name, params in ASKED] == [int]


def test_queries_run_in_python_filter_by_the_same_form(stored, app):
    with app.test_request_context():
        for value in (7, 7.0, "7"):
            assert current_stats.get_query("long").run(value=value)["docs"] == len(TEXTS) - 1
            assert answer_all([QueryRequest("a", "text", {"value": value})])["a"]["docs"] == 1


NUMBERS = st.integers(-50, 50) | st.sampled_from([7, 42])
SPELLINGS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", " ", "\t"]),
    st.sampled_from(["", "+", "0", "00", "+0", "-"]),
    NUMBERS.map(abs),
    st.sampled_from(["", ".", ".0", ".00", "e0", "E+0", ".0e0"]),
    st.sampled_from(["", " ", "f", "d", "D"]),
)


@given(query=st.sampled_from(FIELDS), value=NUMBERS | NUMBERS.map(float) | SPELLINGS | st.sampled_from(TEXTS))
@example(query="long", value="07")
@example(query="text", value=7)
def test_whatever_is_selected_was_asked_about(stored, ask, query, value):
    ASKED.clear()
    response = ask(question(query, value))
    if response.status_code == 200 and response.json["a"]["docs"]:
        (asked,) = [params["value"] for _name, params in ASKED]
        has = TEXTS if query == "text" else ["7", "42"]  # as the engine writes what the field contains
        assert str(asked) in has
    else:
        assert response.status_code in (200, 400)


@pytest.mark.parametrize("factory", ["no.such:factory", 7, None])
def test_a_factory_that_cannot_be_called_stops_the_start(app, monkeypatch, factory):
    """Otherwise every request would be answered with 500."""
    monkeypatch.setitem(app.config, "STATS_PERMISSION_FACTORY", factory)
    with pytest.raises(ConfigurationError, match="STATS_PERMISSION_FACTORY"):
        finalize_app(app)
