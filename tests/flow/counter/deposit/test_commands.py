"""The command and the task that deposit: what they send, print and log."""

import json
import logging

import pytest

from invenio_stats.cli import stats
from invenio_stats.counter.deposit import client as deposit_client
from invenio_stats.counter.items import ItemKeeper
from invenio_stats.counter.shared_dois import find_shared_dois
from invenio_stats.errors import ConfigurationError
from invenio_stats.ext import finalize_app
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import StatsCounterDepositTask, deposit_counter_months
from invenio_stats.testing import Fault, check_document
from tests.flow.counter.deposit.conftest import MONTH, NOW, TOKEN, usage


def keep(month):
    """Keep what is known of the items, as a close does."""
    keeper = ItemKeeper(month.client, lambda item_ids: month.known, NOW)
    keeper.prepare()
    keeper.keep(sorted({*month.known, *(used.item_id for used in month.usages)}))
    keeper.finish()


@pytest.fixture
def kept(month):
    """What is known of the items is kept."""
    keep(month)
    return month


@pytest.fixture
def account(app, service, monkeypatch):
    """The settings of an account at the service."""
    monkeypatch.setitem(app.config, "STATS_COUNTER_DATACITE_URL", service.url)
    monkeypatch.setitem(app.config, "STATS_COUNTER_DATACITE_TOKEN", TOKEN)
    monkeypatch.setitem(app.config, "STATS_COUNTER_DATACITE_ACCOUNT", "abcd.efgh")
    monkeypatch.setattr(deposit_client.UsageReportsClient, "pauses", ())


@pytest.fixture
def invoke(app):
    def run(*args, code=0):
        result = app.test_cli_runner().invoke(stats, ["counter", "deposit", *args])
        assert result.exit_code == code, result.output
        assert TOKEN not in result.output
        return result.output

    return run


@pytest.mark.usefixtures("account")
def test_a_month_is_deposited(kept, service, invoke):
    output = invoke("--month", MONTH)
    (report_id,) = service.reports
    assert output.splitlines() == [
        f"2026-06 is deposited: 2 datasets in 1 parts, report {report_id}.",
        "Datasets without a DOI, which are left out: 1.",
    ]
    assert service.counts(MONTH) == kept.expected()
    assert invoke("--month", MONTH).startswith(f"2026-06 is deposited already: 2 datasets, report {report_id}.")
    assert len(service.received) == 1


@pytest.mark.usefixtures("account")
def test_failures_on_the_way_are_logged_with_the_pause(kept, service, invoke, monkeypatch, caplog):
    """First nobody knows whether the service has taken the report, so that it is replaced; then that is repeated."""
    monkeypatch.setattr(deposit_client.UsageReportsClient, "pauses", (0.0,))
    service.fail(Fault(503), times=2)
    assert invoke("--month", MONTH).startswith("2026-06 is deposited: 2 datasets")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [(record.getMessage(), record.reason, record.seconds) for record in warnings] == [
        ("A deposit starts over: a part may have been taken or not", "503", 0.0),
        ("A request to the usage reports service failed and is repeated", "503", 0.0),
    ]
    assert [request.status for request in service.received] == [503, 503, 201, 200]


@pytest.mark.usefixtures("account")
def test_programs_get_json(kept, service, invoke):
    facts = json.loads(invoke("--month", MONTH, "--json"))
    (report_id,) = service.reports
    assert facts == {
        "month": MONTH,
        "outcome": "deposited",
        "datasets": 2,
        "parts": 1,
        "left_out": 1,
        "id": report_id,
        "same_doi": [],
    }


@pytest.mark.usefixtures("account")
def test_items_with_the_same_doi_are_named(month, service, invoke, caplog):
    """By a command that sends, by one that does not, and in the log; a DOI has no case."""
    month.known["b"] = month.known["b"]._replace(doi="10.1234/A")
    keep(month)
    shared = "The items a, b have the same DOI, and are one dataset"
    assert shared in invoke("--month", MONTH, "--dry-run")
    assert shared in invoke("--month", MONTH)
    assert json.loads(invoke("--month", MONTH, "--json"))["same_doi"] == [["a", "b"]]
    (record, *_) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert (record.getMessage(), record.items) == (
        "Items with the same DOI are deposited as one dataset",
        (("a", "b"),),
    )
    assert set(service.counts(MONTH)) == {"10.1234/a"}


@pytest.mark.parametrize("size", [1, 2, 10_000])
def test_shared_dois_are_found_page_by_page(month, size):
    month.known["b"] = month.known["b"]._replace(doi="10.1234/A")
    month.describe("d1", "d2", "d3")
    month.known["d3"] = month.known["d1"]
    keep(month)
    assert find_shared_dois(month.client, size) == {
        **dict.fromkeys(("a", "b"), ["a", "b"]),
        **dict.fromkeys(("d1", "d3"), ["d1", "d3"]),
    }


def test_a_dry_run_of_a_month_without_datasets_says_that_nothing_is_deposited(month, invoke):
    """As the deposit itself says it."""
    month.write([usage("a", 3, 1, 2, 1, data_type="Article")])
    keep(month)
    assert invoke("--month", MONTH, "--dry-run").startswith("No dataset with a DOI was used in 2026-06")
    facts = json.loads(invoke("--month", MONTH, "--dry-run", "--json"))
    assert (facts["outcome"], facts["datasets"], facts["parts"]) == ("nothing", 0, 0)


def test_a_dry_run_needs_no_account_and_sends_nothing(kept, invoke, tmp_path):
    file = tmp_path / "report.json"
    assert invoke("--month", MONTH, "--dry-run", "--output", str(file)).startswith(
        "2026-06 would be deposited: 2 datasets in 1 parts."
    )
    (line,) = file.read_text().splitlines()
    document = json.loads(line)
    assert not check_document(document)
    assert [dataset["dataset-title"] for dataset in document["report-datasets"]] == ["Title a", "Title b"]
    assert document["report-header"]["created-by"] == "Example"
    assert kept.deposit.state == ""


@pytest.mark.usefixtures("account")
def test_documents_are_written_and_sent(kept, service, invoke, tmp_path):
    file = tmp_path / "report.json"
    invoke("--month", MONTH, "--output", str(file))
    ((document,),) = service.reports.values()
    assert json.loads(file.read_text()) == document


@pytest.mark.usefixtures("kept")
def test_documents_are_printed_alone(app):
    result = app.test_cli_runner().invoke(
        stats, ["counter", "deposit", "--month", MONTH, "--dry-run", "--json", "--output", "-"]
    )
    assert not check_document(json.loads(result.stdout))
    assert json.loads(result.stderr)["datasets"] == 2


@pytest.mark.usefixtures("kept", "account")
def test_what_cannot_be_deposited_is_refused(invoke):
    assert "'June' is not a month. Write it as 2026-05." in invoke("--month", "June", code=2)
    assert "2026-05 is not closed. Closed months: 2026-06." in invoke("--month", "2026-05", code=2)


@pytest.mark.usefixtures("kept")
def test_without_an_account_the_command_says_what_to_set(invoke):
    assert "Set STATS_COUNTER_DATACITE_URL and STATS_COUNTER_DATACITE_TOKEN." in invoke("--month", MONTH, code=2)


@pytest.mark.usefixtures("kept", "account")
@pytest.mark.parametrize("status", [401, 422])
def test_a_refusal_is_shown(service, invoke, status):
    service.fail(Fault(status))
    assert f"The usage reports service answered {status}: " in invoke("--month", MONTH, code=1)
    invoke("--month", MONTH)


@pytest.mark.usefixtures("account")
def test_the_task_deposits_what_is_due(kept, service):
    result = deposit_counter_months()
    assert result[MONTH]["outcome"] == "deposited"
    assert deposit_counter_months() == {}
    kept.write([usage("b", 2, 1, 2, 1)], "restated")
    assert deposit_counter_months()[MONTH]["datasets"] == 1
    assert [request.method for request in service.received] == ["POST", "PUT"]
    assert service.counts(MONTH) == kept.expected()


@pytest.mark.usefixtures("kept")
def test_the_task_does_nothing_without_an_account():
    assert deposit_counter_months() == {}
    assert StatsCounterDepositTask["task"] == deposit_counter_months.name


@pytest.mark.usefixtures("kept", "account")
def test_a_failed_deposit_is_logged_without_the_token(service, caplog, app, monkeypatch):
    caplog.set_level(logging.DEBUG)
    service.fail(Fault(500))
    assert deposit_counter_months() == {MONTH: {"error": "DepositError"}}
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.message == "A month could not be deposited"
    assert record.month == MONTH
    monkeypatch.setitem(app.config, "STATS_COUNTER_DATACITE_TOKEN", "another-token")
    assert deposit_counter_months() == {MONTH: {"error": "DepositError"}}
    assert [record.status for record in caplog.records if record.levelno >= logging.ERROR][1] == 401
    shown = "\n".join(f"{record.__dict__} {record.getMessage()}" for record in caplog.records)
    assert TOKEN not in shown
    assert "another-token" not in shown


@pytest.mark.usefixtures("kept", "account")
def test_after_a_refusal_of_the_account_other_months_wait(service, search_client):
    """Each of them would be refused alike; one document that is refused says nothing of the others."""
    from invenio_search.utils import prefix_index

    from invenio_stats.core import names
    from invenio_stats.core.counter_months import Month

    other = Month("2026-05", "closed", 1, NOW.isoformat(), NOW.isoformat(), {}, 0)
    search_client.index(index=prefix_index(names.COUNTER_MONTHS), id="2026-05", body=other._asdict())
    search_client.indices.create(index=prefix_index(names.counter_usage_index("2026-05", 1)))
    service.fail(Fault(401), times=1)
    assert list(deposit_counter_months()) == ["2026-05", MONTH]  # nothing was used in May: no request


def test_settings_are_checked_at_the_start(app, account, monkeypatch):
    finalize_app(app)
    assert current_stats.counter_deposit_account.name == "abcd.efgh"
    monkeypatch.setitem(app.config, "STATS_COUNTER_DATACITE_URL", "api.datacite.org")
    with pytest.raises(ConfigurationError, match="STATS_COUNTER_DATACITE_URL"):
        finalize_app(app)


@pytest.mark.parametrize("name", ["no-such-directory/report.json", "."])
def test_an_output_that_is_no_file_is_refused(kept, invoke, tmp_path, name):
    assert "is not a file in a directory that exists" in invoke(
        "--month", MONTH, "--dry-run", "--output", str(tmp_path / name), code=2
    )


@pytest.mark.usefixtures("account")
def test_items_that_are_lost_take_no_numbers_away(kept, service, invoke, index_prefix):
    """What is deposited stays as it is."""
    invoke("--month", MONTH)
    before = service.counts(MONTH)
    kept.client.indices.delete(index=f"{index_prefix}stats-counter-items")
    output = invoke("--month", MONTH, code=1)
    assert f"stats-counter-items has lost items that were used from {MONTH} to {MONTH}" in output
    assert (len(service.received), service.counts(MONTH)) == (1, before)
