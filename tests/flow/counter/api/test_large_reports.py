"""Reports that are too large for a request: made once by a task, kept for a day, and given out as files."""

import gzip
import os
from contextlib import suppress
from datetime import timedelta

import pytest

from invenio_stats.core.counter_queue import FILE_LIFE, LIVES
from invenio_stats.counter.items import newest_change
from invenio_stats.counter.months import fetch_months
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.service import report_files, report_queue
from invenio_stats.counter.service.large_reports import WantedReport, fetch_or_queue, make_report_file
from invenio_stats.operations import daily
from invenio_stats.tasks import make_counter_report
from tests.fixtures.closed_months import use
from tests.fixtures.months import Killed
from tests.flow.counter.api.conftest import WORLD, month_ago, today

IR = "reports/ir"


@pytest.fixture(autouse=True)
def empty_directory(app, months, search_client, index_prefix):
    """No report is made or queued."""
    for path in report_files.report_directory().glob("*"):
        path.unlink()
    search_client.indices.delete(index=f"{index_prefix}stats-locks", ignore=[404])


@pytest.fixture
def sent(app, monkeypatch):
    """Make all reports large, and return the tasks that were sent: the arguments of each."""
    tasks = []
    monkeypatch.setitem(app.config, "STATS_COUNTER_INLINE_ROWS", 0)
    monkeypatch.setattr(make_counter_report, "delay", lambda *args: tasks.append(args))
    return tasks


@pytest.fixture
def queue(search_client):
    """Return a function that asks for a report at a moment, and gives the code or "file", and the tasks it sent."""

    def queue(wanted, now=None):
        tasks = []
        months = fetch_months(search_client, today().date())
        found = fetch_or_queue(search_client, wanted, months, now or today(), lambda *args: tasks.append(args))
        if hasattr(found, "close"):
            found.close()
            return "file", tasks
        return found.code, tasks

    return queue


def wanted(media="json", **fields):
    return WantedReport(ReportRequest("IR", month_ago(2), month_ago(1), **fields), (), media)


def test_the_first_answer_is_queued_and_later_ones_are_the_report(app, monkeypatch, ask, sent):
    """The file has the same bytes as an answer that was made at once, but for the time."""
    with monkeypatch.context() as patch:
        patch.setitem(app.config, "STATS_COUNTER_INLINE_ROWS", 1000)
        at_once = ask(IR, data_type="Book|Article").json
    first = ask(IR, data_type="Book|Article")
    assert (first.status_code, first.json["Code"], first.headers["Retry-After"]) == (202, 1011, "60")
    assert ask(IR, data_type="Book|Article").json["Code"] == 1011
    (task,) = sent
    assert make_counter_report(*task) == "made"
    later = ask(IR, data_type="Book|Article")
    assert later.status_code == 200
    created = [answer["Report_Header"].pop("Created") for answer in (at_once, later.json)]
    body = later.json
    body["Report_Header"].pop("Created")
    assert body == at_once
    assert len(created) == 2
    assert body["Report_Header"]["Exceptions"][0]["Code"] == 3060
    assert len(sent) == 1


def test_a_task_is_plain_json(ask, sent):
    """As Celery sends it; it has no key of anybody."""
    import json

    ask(IR, data_type="Article", colour="red")
    assert json.loads(json.dumps(sent)) == [list(task) for task in sent]


@pytest.mark.parametrize("accepted", [None, "gzip"])
def test_a_file_is_sent_compressed_or_not(get, requestor, sent, accepted):
    params = {
        "customer_id": WORLD,
        "requestor_id": requestor.requestor_id,
        "begin_date": month_ago(1),
        "end_date": month_ago(1),
    }
    headers = {"Accept-Encoding": accepted} if accepted else {}
    assert get(IR, params, headers=headers).status_code == 202
    make_counter_report(*sent[0])
    answer = get(IR, params, headers=headers)
    assert answer.headers.get("Content-Encoding") == accepted
    body = gzip.decompress(answer.data) if accepted else answer.data
    assert body.startswith(b'{"Report_Header":{"Report_Name":"Item Report"')
    assert body.endswith(b"]}")


def test_reports_of_customers_and_filters_are_different_files(ask, sent):
    for params in ({}, {"customer_id": "u1"}, {"yop": "2020"}, {"attributes_to_show": "YOP"}, {"colour": "red"}):
        assert ask(IR, **params).json["Code"] == 1011
    assert len({name for name, _, _ in sent}) == 5


def test_a_report_is_stale_after_a_restatement(months, ask, sent):
    ask(IR)
    make_counter_report(*sent[0])
    months.close(month_ago(1), [use("a", 20, 10)], revision=2)
    assert ask(IR).json["Code"] == 1011
    make_counter_report(*sent[1])
    metrics = ask(IR).json["Report_Items"][0]["Items"][0]["Attribute_Performance"][0]["Performance"]
    assert metrics["Total_Item_Requests"][month_ago(1)] == 10


def test_a_report_is_stale_after_newer_metadata(months, search_client, index_prefix, queue):
    _, tasks = queue(wanted())
    make_counter_report(*tasks[0])
    assert queue(wanted())[0] == "file"
    body = {"item_id": "z", "updated": "2030-01-01T00:00:00+00:00"}
    search_client.index(index=f"{index_prefix}stats-counter-items", id="z", body=body, refresh=True)
    assert newest_change(search_client) is not None
    assert queue(wanted())[0] == 1011


def test_a_report_is_kept_for_a_day(queue):
    _, tasks = queue(wanted())
    make_counter_report(*tasks[0])
    assert queue(wanted(), today() + FILE_LIFE - timedelta(minutes=1))[0] == "file"
    code, tasks = queue(wanted(), today() + FILE_LIFE + timedelta(minutes=1))
    assert (code, len(tasks)) == (1011, 1)


@pytest.mark.parametrize("media", ["json", "tsv", "xlsx"])
def test_a_report_may_have_any_format(queue, media):
    """The page gives out the same files."""
    _, tasks = queue(wanted(media))
    make_counter_report(*tasks[0])
    assert queue(wanted(media))[0] == "file"


def test_asking_again_starts_nothing_while_it_is_made(search_client, queue, app):
    _, [(name, token, values)] = queue(wanted())
    report_queue.start(search_client, name, token, today())
    assert queue(wanted()) == (1011, [])
    assert make_report_file(search_client, name, "another", WantedReport.from_task(values), today) == "running"
    assert list(report_files.report_directory().iterdir()) == []


def test_a_queue_that_lost_a_task_does_not_block_for_ever(queue):
    start = today()
    assert len(queue(wanted(), start)[1]) == 1
    assert queue(wanted(), start + LIVES["queued"] - timedelta(seconds=1)) == (1011, [])
    code, tasks = queue(wanted(), start + LIVES["queued"])
    assert (code, len(tasks)) == (1011, 1)


def test_a_task_that_cannot_be_sent_blocks_nobody(search_client, queue):
    def fail(*args):
        raise OSError("the broker is away")

    months = fetch_months(search_client, today().date())
    with pytest.raises(OSError, match="broker"):
        fetch_or_queue(search_client, wanted(), months, today(), fail)
    assert len(queue(wanted())[1]) == 1


@pytest.mark.parametrize("is_answer_lost", [False, True])
def test_a_worker_that_is_killed_blocks_for_minutes_only(
    search_client, index_prefix, queue, requests_sent, is_answer_lost
):
    """At whatever request it is killed: a file is whole or absent, and the report is made later."""
    number, was_reached = 0, True
    while was_reached:
        number += 1
        for path in report_files.report_directory().glob("*"):
            path.unlink()
        search_client.indices.delete(index=f"{index_prefix}stats-locks", ignore=[404])
        _, [(name, token, values)] = queue(wanted())
        requests_sent.cut(number, is_answer_lost)
        with suppress(Killed):
            make_report_file(search_client, name, token, WantedReport.from_task(values), today)
        was_reached = requests_sent.mend()
        soon, later = today(), today() + max(LIVES["queued"], LIVES["running"])
        code, tasks = queue(wanted(), soon)
        assert code in (1011, "file")
        assert tasks == []
        if code == 1011:
            code, [task] = queue(wanted(), later)
            assert make_counter_report(*task) == "made"
        assert queue(wanted())[0] == "file"
        (path,) = report_files.report_directory().iterdir()
        assert gzip.decompress(path.read_bytes()).endswith(b"]}")
    assert number > 5


@pytest.mark.expect_logged_errors
def test_a_report_that_fails_is_tried_again_later(search_client, queue, monkeypatch, ask, sent):
    """Until then the service is not available."""
    monkeypatch.setattr("invenio_stats.counter.service.large_reports.WRITERS", {})
    ask(IR)
    assert make_counter_report(*sent[0]) == "failed"
    assert ask(IR).json == {"Code": 1000, "Message": "Service Not Available"}
    assert len(sent) == 1
    assert list(report_files.report_directory().iterdir()) == []
    monkeypatch.undo()
    task = sent[0]
    assert make_counter_report(*task) == "made"


@pytest.mark.expect_logged_errors
def test_a_directory_that_is_not_shared_is_noticed(search_client, queue):
    """The report was just made, and is not here."""
    now = today()
    _, [(name, token, _)] = queue(wanted(), now)
    report_queue.end(search_client, name, token, "made", now)
    assert queue(wanted(), now) == (1000, [])
    code, tasks = queue(wanted(), now + timedelta(minutes=5))
    assert (code, len(tasks)) == (1011, 1)


def test_many_reports_are_not_queued_at_once(queue):
    """The 51st is told that the service is busy."""
    codes = [queue(wanted(filters={"YOP": (f"{2000 + number}",)}))[0] for number in range(51)]
    assert codes == [1011] * 50 + [1010]


def age(path, **step):
    """Make a file older."""
    moment = (today() - timedelta(**step)).timestamp()
    os.utime(path, (moment, moment))


def make(name, size=10, **step):
    directory = report_files.report_directory()
    directory.mkdir(exist_ok=True)
    (directory / name).write_bytes(b"x" * size)
    age(directory / name, **step)


def names_of_files():
    return sorted(path.name for path in report_files.report_directory().iterdir())


def test_old_files_are_removed(app):
    """What is not ours stays."""
    make("counter-ir-1-1.json.gz", hours=25)
    make("counter-ir-2-2.json.gz", hours=23)
    make("counter-ir-4-4.json.gz", hours=-48)  # of a clock that was wrong: it would never be stale
    make(".counter-ir-3-3.json.gz.abc", hours=2)
    make(".counter-ir-3-3.json.gz.def", minutes=1)
    make("somebody-elses.txt", hours=1000)
    assert report_files.remove_old_files(today()) == 3
    assert names_of_files() == [".counter-ir-3-3.json.gz.def", "counter-ir-2-2.json.gz", "somebody-elses.txt"]


def test_the_daily_task_removes_old_files(app, search_client):
    """Also if nobody asks for a large report any more."""
    make("counter-ir-1-1.json.gz", hours=25)
    assert daily.run_all()["counter_reports"] == 1
    assert names_of_files() == []


def test_the_oldest_files_give_room(app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_COUNTER_DIR_MAX_MB", 1)
    for number in range(3):
        make(f"counter-ir-{number}-1.json.gz", 400_000, hours=number)
    with report_files.new_file("counter-ir-9-9.tsv.gz", today()) as file:
        file.write(b"new")
    assert names_of_files() == ["counter-ir-0-1.json.gz", "counter-ir-1-1.json.gz", "counter-ir-9-9.tsv.gz"]


def test_a_file_that_has_no_room_is_not_there(app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_COUNTER_DIR_MAX_MB", 1)
    with (
        pytest.raises(report_files.NoRoomError, match="STATS_COUNTER_DIR_MAX_MB"),
        report_files.new_file("counter-ir-9-9.xlsx", today()) as file,
    ):
        file.write(b"x" * 1_100_000)
    assert names_of_files() == []
