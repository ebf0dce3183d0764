"""Each exception of COUNTER's table is answered as the table says."""

import pytest

from invenio_stats.core.counter_exceptions import KINDS, CounterException
from invenio_stats.counter.service import report_queue
from tests.flow.counter.api.conftest import WORLD, month_ago, today

pytestmark = pytest.mark.embedded

IR = "reports/ir"


def exceptions_in(response):
    """Return the exceptions of an answer: one that is the whole body, or those of the header."""
    if response.status_code != 200:
        return [response.json]
    return response.json["Report_Header"].get("Exceptions", [])


class Case:
    """A request, and what it is answered; `status` is that of the table."""

    def __init__(self, code, path=IR, data=None, prepare=None, **params):
        self.code, self.path, self.data, self.prepare, self.params = code, path, data, prepare, params


def engine_fails(app, monkeypatch, search_client):
    from invenio_search.engine import search

    def fail(*args, **kwargs):
        raise search.exceptions.ConnectionError("N/A", "a secret", None)

    monkeypatch.setattr(search_client.transport, "perform_request", fail)


def engine_is_busy(app, monkeypatch, search_client):
    from invenio_search.engine import search

    def fail(*args, **kwargs):
        raise search.exceptions.TransportError(429, "rejected_execution_exception", {})

    monkeypatch.setattr(search_client.transport, "perform_request", fail)


def reports_are_large(app, monkeypatch, search_client):
    monkeypatch.setitem(app.config, "STATS_COUNTER_INLINE_ROWS", 0)
    monkeypatch.setattr("invenio_stats.tasks.make_counter_report.delay", lambda *args: None)


def many_reports_wait(app, monkeypatch, search_client):
    reports_are_large(app, monkeypatch, search_client)
    for number in range(50):
        report_queue.claim(search_client, f"counter-{number}", today())


def requests_are_limited(app, monkeypatch, search_client):
    monkeypatch.setitem(app.config, "STATS_COUNTER_RATE_LIMIT", "0 per minute; 5 per day")


def the_month_is_partial(app, monkeypatch, search_client):
    from invenio_stats.counter.months import month_ref

    ref = month_ref(month_ago(1))
    source = search_client.get(index=ref["_index"], id=ref["_id"])["_source"]
    accepted = [{"reason": "a disk was full", "what": "2 dead letters"}]
    search_client.index(index=ref["_index"], id=ref["_id"], body={**source, "accepted": accepted}, refresh=True)


CASES = [
    Case(1000, prepare=engine_fails),
    Case(1010, prepare=engine_is_busy),
    Case(1010, prepare=many_reports_wait),
    Case(1011, prepare=reports_are_large),
    Case(1020, prepare=requests_are_limited, data="0 per 1 minute"),
    Case(1030, customer_id=None),
    Case(1030, customer_id=""),
    Case(1030, requestor_id=None),
    Case(1030, begin_date=None),
    Case(1030, end_date=""),
    Case(2000, requestor_id="made up"),
    Case(2010, customer_id="nobody"),
    Case(2020, requestor_id=None, api_key="made up"),
    Case(3020, begin_date="2026-13"),
    Case(3020, begin_date="soon"),
    Case(3020, begin_date=month_ago(2) + "-15"),
    Case(3020, begin_date=month_ago(1), end_date=month_ago(2)),
    Case(3020, begin_date=month_ago(0), end_date=month_ago(0)),
    Case(3030, data_type="Software"),
    Case(3031, data=month_ago(0), end_date=month_ago(0)),
    Case(3032, data=f"Usage is available for {month_ago(3)} to {month_ago(1)}", begin_date=month_ago(60)),
    Case(3040, data=f"{month_ago(1)}: a disk was full", prepare=the_month_is_partial),
    Case(3050, data="author", author="Doe"),
    Case(3050, path="reports/pr_p1", data="data_type", data_type="Article"),
    Case(3060, data="data_type=Book", data_type="Book|Article"),
    Case(3060, data="country_code=CH", country_code="CH"),
    Case(3060, data="attributed=yes", attributed="yes"),
    Case(3060, data="platform=other", platform="other"),
    Case(3061, item_id="10.1234/counting|0378-5955"),
    Case(3062, data="attributes_to_show=Colour", attributes_to_show="Colour|YOP"),
    Case(3062, data="attributes_to_show=Country_Code", attributes_to_show="Country_Code"),
    Case(3062, data="granularity=Week", granularity="Week"),
    Case(3062, data="include_parent_details=maybe", include_parent_details="maybe"),
    Case(3063, include_component_details="True"),
]


def test_every_row_of_the_table_has_a_case():
    """All but 2011: The World is offered to every requestor."""
    assert {case.code for case in CASES} == set(KINDS) - {2011}


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.code}-{i}") for i, case in enumerate(CASES)])
def test_the_table(app, monkeypatch, search_client, months, ask, case):
    """Code, message word for word, status, and Data where the table asks for it."""
    if case.prepare is not None:
        case.prepare(app, monkeypatch, search_client)
    answer = ask(case.path, **case.params)
    monkeypatch.undo()
    expected = CounterException(case.code)
    assert answer.status_code == expected.status
    assert answer.mimetype == "application/json"
    (found,) = exceptions_in(answer)
    assert (found["Code"], found["Message"]) == (case.code, expected.message)
    assert set(found) <= {"Code", "Message", "Help_URL", "Data"}
    assert "Data" in found or not KINDS[case.code].needs_data
    if case.data is not None:
        assert found["Data"] == case.data
    if expected.status != 200:
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "a secret" not in answer.text


def test_the_world_is_offered_to_every_requestor(add, get):
    """So that 2011 is never an answer."""
    new = add(customers=["u1"])
    assert get("members", {"customer_id": WORLD, "requestor_id": new.requestor_id}).status_code == 200


@pytest.mark.parametrize(
    ("params", "code"),
    [
        pytest.param({"customer_id": None, "requestor_id": "made up", "begin_date": "soon"}, 1030, id="all wrong"),
        pytest.param({"requestor_id": "made up", "begin_date": "soon"}, 2000, id="credentials before dates"),
        pytest.param({"customer_id": "nobody", "begin_date": "soon"}, 2010, id="customer before dates"),
        pytest.param({"customer_id": "nobody", "api_key": "made up"}, 2010, id="customer before a second key"),
        pytest.param({"requestor_id": "made up", "customer_id": "nobody"}, 2000, id="who asks before for whom"),
        pytest.param({"requestor_id": "made up", "api_key": "made up"}, 2000, id="two wrong keys"),
        pytest.param({"api_key": "made up"}, 2020, id="a second key"),
        pytest.param({"begin_date": "soon", "data_type": "Book", "colour": "red"}, 3020, id="dates before filters"),
    ],
)
def test_the_lowest_code_is_the_answer(months, ask, params, code):
    assert ask(IR, **params).json["Code"] == code


def test_a_report_names_all_that_was_ignored(months, ask):
    """The exceptions of the header have ascending codes, each once; usage is there."""
    answer = ask(
        IR, end_date=month_ago(0), colour="red", size="1", data_type="Book|Article", granularity="Week", attributed="x"
    )
    found = exceptions_in(answer)
    assert [exception["Code"] for exception in found] == [3031, 3050, 3060, 3062]
    assert found[1]["Data"] == "colour; size"
    assert answer.json["Report_Items"]
    header = answer.json["Report_Header"]
    assert header["Report_Filters"]["Data_Type"] == ["Article"]


def test_too_many_requests_say_when_to_come_back(app, monkeypatch, get, requestor):
    """The limit is each requestor's own; /status has none."""
    monkeypatch.setitem(app.config, "STATS_COUNTER_RATE_LIMIT", "2 per minute")
    params = {"customer_id": WORLD, "requestor_id": requestor.requestor_id}
    answers = [get("members", params) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert [get("status", params).status_code for _ in range(5)] == [200] * 5


def test_another_requestor_has_a_limit_of_its_own(app, monkeypatch, get, add):
    monkeypatch.setitem(app.config, "STATS_COUNTER_RATE_LIMIT", "1 per minute")
    first, second = add("first"), add("second")
    for expected in (200, 429):
        for new in (first, second):
            params = {"customer_id": WORLD, "requestor_id": new.requestor_id}
            assert get("members", params).status_code == expected


def test_a_storage_of_limits_that_is_down_refuses_nobody(app, monkeypatch, get, requestor, forget, caplog):
    """This process counts by itself then."""
    monkeypatch.setitem(app.config, "RATELIMIT_STORAGE_URI", "redis://:password@127.0.0.1:1/0")
    monkeypatch.setitem(app.config, "STATS_COUNTER_RATE_LIMIT", "2 per minute")
    forget()
    params = {"customer_id": WORLD, "requestor_id": requestor.requestor_id}
    assert [get("members", params).status_code for _ in range(3)] == [200, 200, 429]
    assert [record.message for record in caplog.records] == ["The storage of rate limits failed"]
    assert "password" not in str(vars(caplog.records[0]))
    forget()
