"""A refusal of the usage reports service says where, which value, and what to do."""

import gzip
import json

import pytest

from invenio_stats.core.counter_deposit import DepositAccount
from invenio_stats.counter.deposit.refusals import explain_refusal
from invenio_stats.testing import check_document

ACCOUNT = DepositAccount("https://api.example.org", "a-secret-token", "abcd.efgh")


def dataset(name, **changes):
    ids = [{"type": "doi", "value": f"10.1234/{name}"}, {"type": "proprietary", "value": f"example:{name}"}]
    return {"dataset-title": "Rain", "dataset-id": ids, "platform": "Example", "publisher": "House", **changes}


def body(*datasets):
    header = {"created-by": "abcd.efgh", "reporting-period": {"begin-date": "2026-06-01", "end-date": "2026-06-30"}}
    return json.dumps({"report-header": header, "report-datasets": list(datasets)}).encode()


def explain(status, answer, sent=None):
    return explain_refusal(
        status, answer, ACCOUNT, body(dataset("a"), dataset("b", yop="20")) if sent is None else sent
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_the_account_names_the_settings_and_no_token(status):
    text = explain(status, "Bad credentials: Bearer a-secret-token\x1b[31m.")
    assert text.startswith(f"The usage reports service answered {status}: Bad credentials: Bearer *** [31m. ")
    assert "STATS_COUNTER_DATACITE_TOKEN for the account 'abcd.efgh'" in text
    assert "a-secret-token" not in text


@pytest.mark.parametrize(
    "location",
    ["$.report-datasets[1].yop", "#/report-datasets/1/yop", "$['report-datasets'][1]['yop']", "report-datasets.1.yop"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "compressed"])
def test_a_refusal_of_a_dataset_names_it_with_field_and_value(location, pack):
    sent = pack(body(dataset("a"), dataset("b", yop="20")))
    text = explain(422, json.dumps({"errors": [{"title": f"The property '{location}' is wrong"}]}), sent)
    assert 'It refuses the dataset 10.1234/b, example:b: yop = "20". Correct the metadata of the record' in text
    assert "`invenio stats counter restate --month 2026-06 --reason ...`. Then run the command again." in text


@pytest.mark.parametrize(
    ("location", "sent", "setting"),
    [
        ("$.report-header.created-by", body(), "STATS_COUNTER_DATACITE_ACCOUNT"),
        ("$.report-datasets[0].platform", body(dataset("a")), "STATS_COUNTER_PLATFORM"),
        (
            "#/report-datasets/0/publisher-id/0",
            body(dataset("a", **{"publisher-id": [{"type": "client-id", "value": "abcd.efgh"}]})),
            "STATS_COUNTER_DATACITE_ACCOUNT",
        ),
    ],
)
def test_what_comes_from_a_setting_is_corrected_there(location, sent, setting):
    text = explain(422, f"{location}: it is wrong", sent)
    assert f"Correct {setting}. Then run the command again." in text
    assert "metadata" not in text


def test_many_refused_datasets_are_counted():
    sent = body(*(dataset(f"d{number}", yop="20") for number in range(5)))
    text = explain(422, " ".join(f"report-datasets[{number}].yop" for number in range(5)), sent)
    assert "10.1234/d2" in text
    assert "10.1234/d3" not in text
    assert "; and 2 more. Correct" in text


@pytest.mark.parametrize("answer", ["", "no", "$.report-datasets[99].yop", "x" * 5_000])
def test_an_answer_without_a_place_says_how_to_find_it(answer):
    text = explain(422, answer)
    assert "`invenio stats counter deposit --month 2026-06 --dry-run --output FILE`" in text
    assert "invenio_stats.testing.check_document" in text
    assert len(text) < 1_500


def test_errors_of_our_own_schema_are_understood():
    sent = body(dataset("a", publisher=7))
    (error,) = [error for error in check_document(json.loads(sent)) if "publisher:" in error]
    text = explain(422, error, sent)
    assert "the dataset 10.1234/a, example:a: publisher = 7" in text


def test_other_refusals_name_the_address():
    assert "Check that STATS_COUNTER_DATACITE_URL is" in explain(404, "Not found")
