"""Whatever stands in the query string, the answer is a report or an exception of COUNTER's, never a crash."""

from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flow.counter.api.conftest import WORLD, find_faults, month_ago
from tests.laws import examples

pytestmark = pytest.mark.embedded

IR = "reports/ir"
LISTS = ("metric_type", "data_type", "access_type", "access_method", "yop", "item_id", "country_code")
WORDS = ("attributes_to_show", "granularity", "include_parent_details", "include_component_details")
HOSTILE = {
    "empty": "",
    "blank": "%20",
    "NUL": "a%00b",
    "not UTF-8": "%FF%FE",
    "long": "x" * 20_000,
    "control characters": "%0D%0ASet-Cookie:%20a",
    "bars": "%7C%7C%7C",
    "markup": "%3Cscript%3E",
    "surrogate": "%ED%A0%80",
    "number": "-1",
    "query": "*",
}


@pytest.fixture
def ask_raw(get, requestor):
    """Return a function that asks for a report with this text at the end of the query string."""

    def ask_raw(more, path=IR, **params):
        given = {
            "customer_id": WORLD,
            "requestor_id": requestor.requestor_id,
            "begin_date": month_ago(2),
            "end_date": month_ago(1),
            **params,
        }
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return get(path, f"{query}&{more}")

    return ask_raw


def codes(answer):
    return [exception["Code"] for exception in answer.json["Report_Header"].get("Exceptions", [])]


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", [*LISTS, *WORDS, "platform", "colour"])
def test_a_bad_filter_is_ignored_and_named(months, ask_raw, name, value):
    answer = ask_raw(f"{name}={value}")
    assert answer.status_code == 200
    found = codes(answer)
    assert found == [3062 if name in WORDS else 3050 if name == "colour" else 3060]
    (exception,) = answer.json["Report_Header"]["Exceptions"]
    assert exception["Data"].startswith(name)
    assert len(exception["Data"]) <= 200
    assert exception["Data"].isprintable()
    assert answer.json["Report_Items"]


@pytest.mark.parametrize(
    "text",
    [
        "10.1234/COUNTING",
        "DOI:10.1234/counting",
        "https://doi.org/10.1234/counting",
        "https://doi.org/10.1234%2Fcounting",
    ],
)
def test_an_item_is_found_by_its_doi_however_that_is_written(months, ask, text):
    answer = ask(IR, item_id=text)
    assert codes(answer) == []
    (group,) = answer.json["Report_Items"]
    assert [item["Item"] for item in group["Items"]] == ["On counting"]


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    ("name", "code"), [("customer_id", 2010), ("requestor_id", 2000), ("begin_date", 3020), ("end_date", 3020)]
)
def test_a_bad_parameter_is_an_exception(ask_raw, name, code, value):
    """An empty one is missing."""
    answer = ask_raw(f"{name}={value}", **{name: None})
    assert answer.json["Code"] == (1030 if value == "" else code)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_bad_api_key(ask_raw, value):
    assert ask_raw(f"api_key={value}", requestor_id=None).json["Code"] == (1030 if value == "" else 2020)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_bad_name_of_a_parameter(months, ask_raw, value):
    answer = ask_raw(f"{value}=1")
    assert codes(answer) == [3050]
    assert answer.json["Report_Items"]


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("customer_id", ["u1", "u2"], 2010),
        ("requestor_id", ["made up", "another"], 2000),
        ("begin_date", ["2026-01", "2026-02"], 3020),
        ("end_date", ["2026-01", "2026-02"], 3020),
    ],
)
def test_a_parameter_that_is_repeated_has_no_right_value(ask_raw, name, values, code):
    assert ask_raw(urlencode([(name, value) for value in values]), **{name: None}).json["Code"] == code


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("data_type", ["Article", "Dataset"], 3060),
        ("granularity", ["Totals", "Month"], 3062),
        ("platform", ["example", "other"], 3060),
        ("colour", ["red", "blue"], 3050),
    ],
)
def test_a_filter_that_is_repeated_is_ignored(months, ask_raw, name, values, code):
    """A list has bars."""
    assert codes(ask_raw(urlencode([(name, value) for value in values]))) == [code]


def test_the_same_value_twice_is_one(months, ask_raw):
    answer = ask_raw(f"customer_id={WORLD}&data_type=Article&data_type=Article")
    assert codes(answer) == []
    assert answer.json["Report_Header"]["Report_Filters"]["Data_Type"] == ["Article"]


def test_many_parameters(months, ask_raw):
    """All are named by one exception."""
    answer = ask_raw("&".join(f"p{number}=1" for number in range(900)))
    assert codes(answer) == [3050]


def test_a_period_of_ten_thousand_years(months, ask_raw):
    answer = ask_raw("", begin_date="0001-01", end_date="9998-12")
    assert codes(answer) == [3031, 3032]


NAMES = st.sampled_from([*LISTS, *WORDS, "platform", "customer_id", "api_key", "begin_date", "end_date", "author"])
VALUES = st.one_of(
    st.sampled_from(["Article|Dataset", "YOP|Access_Type", "True", "Totals", "2020-2021|0001", "2026-01", "10.1234/x"]),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace")),
    st.binary(max_size=10),
)
REPORTS = st.sampled_from(["reports/pr", "reports/pr_p1", IR, "reports/ir_a1", "reports/ir_m1", "reports", "members"])


@given(path=REPORTS, pairs=st.lists(st.tuples(NAMES | st.text(max_size=5), VALUES), max_size=5))
@examples(2)
def test_whatever_is_asked_is_answered_by_the_rules(months, client, requestor, path, pairs):
    given_pairs = {"customer_id": WORLD, "requestor_id": requestor.requestor_id}
    dates = {"begin_date": month_ago(2), "end_date": month_ago(1)}
    query = urlencode({**given_pairs, **(dates if path.startswith("reports/") else {})})
    for name, value in pairs:
        raw = value if isinstance(value, bytes) else value.encode()
        query += f"&{quote_from_bytes(name.encode('utf-8', 'replace'))}={quote_from_bytes(raw)}"
    address = f"/api/counter/r51/{path}?{query}"
    answer = client.get(address, base_url="https://localhost", buffered=True)
    assert answer.status_code in (200, 400, 401, 403)
    assert find_faults(path, answer) == []
