"""A deposit is first a POST, afterwards always a PUT, and each dataset is there once in the end."""

import pytest
import requests
from invenio_search.utils import prefix_index

from invenio_stats.core.counter_deposit import Deposit
from invenio_stats.counter.deposit.run import Result
from invenio_stats.counter.deposit.state import DepositState
from invenio_stats.counter.months import month_ref
from invenio_stats.errors import DepositError
from invenio_stats.testing import Fault
from tests.fixtures.months import Killed
from tests.flow.counter.deposit.conftest import MONTH, TOKEN, CutSession, usage

pytestmark = pytest.mark.embedded


def sent(service):
    """Return the requests that the service got, in short."""
    return [f"{request.method}{' gzip' if request.is_compressed else ''}" for request in service.received]


COUNTS_OF_A = {
    ("total-dataset-investigations", "regular"): 7,
    ("total-dataset-requests", "regular"): 3,
    ("unique-dataset-investigations", "regular"): 5,
    ("unique-dataset-requests", "regular"): 2,
    ("total-dataset-investigations", "machine"): 9,
    ("total-dataset-requests", "machine"): 9,
    ("unique-dataset-investigations", "machine"): 1,
    ("unique-dataset-requests", "machine"): 1,
}


def test_the_first_deposit_is_one_post(month, service, send):
    result = send()
    ((report_id, (document,)),) = service.reports.items()
    assert result == Result(MONTH, "deposited", 2, 1, 1, report_id)
    assert sent(service) == ["POST"]
    assert service.counts(MONTH) == month.expected()
    assert service.counts(MONTH)["10.1234/a"] == COUNTS_OF_A
    assert document["report-header"]["created-by"] == "abcd.efgh"
    assert not service.errors


def test_what_is_deposited_is_kept_with_the_month(month, send):
    result = send()
    kept = month.deposit
    assert kept._replace(checksum="") == Deposit(
        "deposited", 1, result.id, True, 1, False, "", 2, "2026-07-04T05:00:00+00:00"
    )
    assert len(kept.checksum) == 64


def test_only_datasets_with_a_doi_are_sent(month, service, send):
    send()
    assert set(service.counts(MONTH)) == {"10.1234/a", "10.1234/b"}


def test_items_with_the_same_doi_are_one_dataset(month, service, send):
    """Totals are summed; which sessions used both is not known, so unique numbers are the greatest, never doubled."""
    month.known["b"] = month.known["b"]._replace(doi="10.1234/A")
    month.write([*month.usages, usage("b", 4, 1, 3, 1, access_type="Controlled")])
    result = send()
    (document,) = service.reports[result.id]
    (dataset,) = document["report-datasets"]
    assert [known["value"] for known in dataset["dataset-id"]] == ["10.1234/a", "example:a", "example:b"]
    assert dataset["dataset-title"] == "Title a"
    assert (result.datasets, result.same_doi) == (1, (("a", "b"),))
    assert service.counts(MONTH)["10.1234/a"] == {
        **COUNTS_OF_A,
        ("total-dataset-investigations", "regular"): 7 + 5,
        ("total-dataset-requests", "regular"): 3 + 1,
    }
    assert not service.errors
    assert send().outcome == "unchanged"


def test_items_with_the_same_doi_are_one_dataset_in_any_part(month, service, send):
    """They lie far from each other; the dataset is in the part of the first."""
    many(month)
    month.known["d4"] = month.known["d4"]._replace(doi=month.known["d0"].doi)
    result = send(part_size=2)
    assert (result.datasets, result.parts, result.same_doi) == (4, 2, (("d0", "d4"),))
    counts = service.counts(MONTH)
    assert counts["10.1234/d0"]["total-dataset-investigations", "regular"] == 2 + 6
    assert counts["10.1234/d0"]["unique-dataset-investigations", "regular"] == 1


def test_an_item_with_the_doi_of_one_that_was_not_used_is_itself(month, service, send):
    """Nor does one count that was no dataset in this month."""
    month.describe("article", "unused")
    for item_id in ("article", "unused"):
        month.known[item_id] = month.known[item_id]._replace(doi="10.1234/b")
    assert send().same_doi == ()
    assert service.counts(MONTH)["10.1234/b"]["total-dataset-investigations", "regular"] == 1


def test_the_same_again_sends_nothing(service, send):
    first = send()
    assert send() == first._replace(outcome="unchanged")
    assert sent(service) == ["POST"]


def test_newer_metadata_is_put(month, service, send):
    first = send()
    month.known["b"] = month.known["b"]._replace(title="A better title")
    assert send() == first
    assert sent(service) == ["POST", "PUT"]
    assert service.received[1].path == f"/reports/{first.id}"
    titles = [dataset["dataset-title"] for dataset in service.reports[first.id][0]["report-datasets"]]
    assert titles == ["Title a", "A better title"]


def test_a_restated_month_is_put(month, service, send):
    """A second POST would be lost."""
    first = send()
    month.write([usage("b", 2, 1, 2, 1)], "restated")
    assert not month.deposit.is_of(2)
    assert send() == first._replace(datasets=1, left_out=0)
    assert sent(service) == ["POST", "PUT"]
    assert service.counts(MONTH) == month.expected() == {"10.1234/b": {**month.expected()["10.1234/b"]}}
    assert month.deposit.is_of(2)


def test_a_month_restated_to_nothing_is_put_empty(month, service, send):
    first = send()
    month.write([], "restated")
    assert send() == first._replace(datasets=0, left_out=0)
    assert service.counts(MONTH) == {}


def test_a_month_without_datasets_is_not_sent(month, service, send):
    month.write([usage("article", 7, 7, 7, 7, data_type="Article")])
    assert send() == Result(MONTH, "nothing", 0, 0, 0, "")
    assert month.deposit.is_of(2)
    assert not service.received
    assert send().outcome == "unchanged"


def many(month, count=5):
    """Give the month so many datasets."""
    ids = [f"d{number}" for number in range(count)]
    month.describe(*ids)
    month.write([usage(item_id, number + 2, number + 1, 1, 1) for number, item_id in enumerate(ids)])


def test_parts_are_added_to_the_first(month, service, send):
    many(month)
    result = send(part_size=2)
    assert (result.datasets, result.parts) == (5, 3)
    assert sent(service) == ["POST gzip"] * 3
    assert service.counts(MONTH) == month.expected()
    (documents,) = service.reports.values()
    assert [len(document["report-datasets"]) for document in documents] == [2, 2, 1]
    ids = [dataset["dataset-id"][1]["value"] for document in documents for dataset in document["report-datasets"]]
    assert ids == sorted(ids)


def test_the_first_part_of_a_restated_month_replaces_all(month, service, send):
    many(month)
    send(part_size=2)
    many(month, 3)
    assert send(part_size=2).parts == 2
    assert sent(service) == [*["POST gzip"] * 3, "PUT gzip", "POST gzip"]
    assert service.counts(MONTH) == month.expected()


def test_usage_is_read_in_pages(month):
    """Sums of an item may be on two pages."""
    from invenio_stats.core.counter_months import Month
    from invenio_stats.counter.deposit.usage import read_dataset_usage

    about = Month(MONTH, "closed", 1, "", "", {}, 6)
    whole = list(read_dataset_usage(month.client, about))
    assert [used.item_id for used in whole] == ["a", "b", "c"]
    for size in (1, 2, 3):
        assert list(read_dataset_usage(month.client, about, size)) == whole


def test_a_month_whose_usage_is_gone_is_not_put_empty(month, service, send, index_prefix):
    send()
    month.client.indices.delete(index=f"{index_prefix}stats-counter-usage-*")
    with pytest.raises(Exception, match="index_not_found"):
        send()
    assert sent(service) == ["POST"]


def test_a_month_that_is_not_closed_is_refused(month, clock):
    with pytest.raises(DepositError, match=r"2026-05 is not closed\. Close it first"):
        DepositState(month.client, "2026-05", clock)


def test_a_month_that_is_being_closed_is_refused(month, clock):
    """Its document has the lease of the close, and nothing else."""
    ref = month_ref("2026-05")
    month.client.index(index=ref["_index"], id="2026-05", body={"month": "2026-05", "work": {"token": "t"}})
    with pytest.raises(DepositError, match=r"2026-05 is not closed"):
        DepositState(month.client, "2026-05", clock)


def test_what_others_keep_with_the_month_stays(month, send):
    ref = month_ref(MONTH)
    month.client.update(index=ref["_index"], id=MONTH, body={"doc": {"work": {"token": "t"}}})
    send()
    source = month.client.get(index=ref["_index"], id=MONTH)["_source"]
    assert source["work"] == {"token": "t"}
    assert source["documents"] == 6


@pytest.mark.parametrize("takes_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("is_restated", [False, True], ids=["first", "restated"])
@pytest.mark.parametrize("part_size", [50, 2], ids=["one part", "three parts"])
def test_a_kill_at_any_request_to_the_service_doubles_nothing(
    month, service, send, clock, part_size, is_restated, takes_effect
):
    """The client dies before a request is sent, or before its answer is read; the next run finishes."""
    cut = 0
    was_cut = True
    while was_cut:
        cut += 1
        service.reports.clear()
        forget(month)
        many(month)
        if is_restated:
            send(part_size)
            many(month, 6)
        with CutSession(cut, takes_effect) as session:
            try:
                send(part_size, session)
            except Killed:
                clock.go_on()
            was_cut = session.was_cut
        result = send(part_size)
        assert service.counts(MONTH) == month.expected(), cut
        assert result.outcome == ("deposited" if was_cut else "unchanged")
        assert len(service.reports) == 1
    assert cut == (4 if part_size == 2 else 2)
    assert not service.errors


@pytest.mark.parametrize("is_answer_lost", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("part_size", [50, 2], ids=["one part", "three parts"])
def test_a_kill_at_any_request_to_the_engine_doubles_nothing(
    month, service, send, clock, requests_sent, part_size, is_answer_lost
):
    cut = 0
    was_cut = True
    while was_cut:
        cut += 1
        service.reports.clear()
        forget(month)
        many(month)
        requests_sent.cut(cut, is_answer_lost)
        try:
            send(part_size)
        except Killed:
            clock.go_on()
        was_cut = requests_sent.mend()
        result = send(part_size)
        assert service.counts(MONTH) == month.expected(), cut
        assert result.outcome in ("deposited", "unchanged")
    assert cut > 6


def forget(month):
    """Begin with a month that was never deposited."""
    month.client.indices.delete(index=prefix_index("stats-counter-*"))
    month.revision = 0


def test_a_killed_run_goes_on_with_the_next_part(month, service, send, clock):
    many(month)
    with CutSession(3) as session, pytest.raises(Killed):
        send(2, session)
    assert month.deposit.is_adding
    clock.go_on()
    send(2)
    # whether the third part was added is not known, so all is replaced
    assert sent(service) == ["POST gzip", "POST gzip", "PUT gzip", "POST gzip", "POST gzip"]


def test_a_refused_run_goes_on_with_the_next_part(month, service, send):
    """After the second part the service was away, and it was certain that nothing was added."""
    many(month)
    service.fail(Fault(429), after=2, times=50)
    with pytest.raises(DepositError, match=r"did not take a request in 7 attempts: 429"):
        send(2)
    service._faults.clear()
    send(2)
    assert service.counts(MONTH) == month.expected()


def test_a_run_that_stopped_between_parts_goes_on(month, service, send, clock, requests_sent):
    """It died when two parts were there, and the third was not begun."""
    many(month)
    requests_sent.before = lambda: stop_at(month, service, 2)
    with pytest.raises(Killed):
        send(2)
    requests_sent.before = None
    clock.go_on()
    kept = month.deposit
    assert (kept.part, kept.is_adding) == (2, False)
    send(2)
    assert sent(service) == ["POST gzip"] * 3
    assert service.counts(MONTH) == month.expected()


def stop_at(month, service, part):
    """Die before the next request to the engine once so many parts are noted."""
    if month.deposit.part == part and len(service.received) == part:
        raise Killed


def test_parts_that_are_not_the_same_any_more_are_sent_again(month, service, send, clock, requests_sent):
    many(month)
    requests_sent.before = lambda: stop_at(month, service, 2)
    with pytest.raises(Killed):
        send(2)
    requests_sent.before = None
    clock.go_on()
    month.known["d0"] = month.known["d0"]._replace(title="Another title")
    send(2)
    assert sent(service) == [*["POST gzip"] * 2, "PUT gzip", *["POST gzip"] * 2]
    assert service.counts(MONTH) == month.expected()


def test_a_report_that_became_smaller_is_sent_again(month, service, send, clock, requests_sent):
    many(month)
    requests_sent.before = lambda: stop_at(month, service, 3)
    with pytest.raises(Killed):
        send(2)
    requests_sent.before = None
    clock.go_on()
    for item_id in ("d1", "d2", "d3", "d4"):
        month.known[item_id] = month.known[item_id]._replace(doi=None)
    send(2)
    assert service.counts(MONTH) == month.expected()
    assert sent(service)[-1] == "PUT"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(503), id="503"),
        pytest.param(Fault(503, takes_effect=True), id="503 after"),
        pytest.param(Fault(None), id="dies"),
        pytest.param(Fault(None, takes_effect=True), id="dies after"),
        pytest.param(Fault(429), id="429"),
        pytest.param(Fault(502, seconds=1.0), id="hangs"),
        pytest.param(Fault(502, seconds=1.0, takes_effect=True), id="hangs after"),
    ],
)
@pytest.mark.parametrize("part_size", [50, 2], ids=["one part", "three parts"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_failure_at_any_request_doubles_nothing(month, service, send, fault, part_size, after):
    """The same run tries again, and waits before."""
    many(month)
    service.fail(fault, after)
    if after and part_size == 50:
        send(part_size)  # one request; the others are those of a restatement
        many(month, 6)
    send(part_size, timeout=(5.0, 0.3))
    assert service.counts(MONTH) == month.expected()
    assert len(service.reports) == 1
    if after < 2 or part_size == 2:
        assert send.pauses == [1.0]


def test_pauses_grow_and_end(month, service, send):
    service.fail(Fault(500), times=20)
    with pytest.raises(DepositError, match=r"did not take a request in 7 attempts: 500\. Run the command again"):
        send()
    assert send.pauses == [1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert not month.deposit.owner


def test_a_part_of_which_nothing_is_ever_known_ends(month, service, send):
    many(month)
    for _ in range(20):  # each time the third request, which adds the second part, fails
        service.fail(Fault(500, takes_effect=True), after=1)
    with pytest.raises(DepositError, match="left it open again and again whether it took a part: 500"):
        send(2)
    assert send.pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    service._faults.clear()
    send(2)
    assert service.counts(MONTH) == month.expected()


@pytest.mark.parametrize("value", ["7", "Sat, 04 Jul 2026 05:00:07 GMT"], ids=["seconds", "a date"])
def test_the_service_says_how_long_to_wait(service, send, value):
    service.fail(Fault(429, headers={"Retry-After": value, "Date": "Sat, 04 Jul 2026 05:00:00 GMT"}))
    send()
    assert send.pauses == [7.0]


def test_a_wait_of_hours_is_for_another_run(service, send):
    service.fail(Fault(429, headers={"Retry-After": "3600"}))
    with pytest.raises(DepositError, match="wants no request for 3600 seconds"):
        send()
    assert send.pauses == []
    send()


def test_a_wrong_token_stops_and_is_not_shown(month, service, send):
    with pytest.raises(DepositError, match=r"answered 401: .*Bad credentials") as caught:
        send(token="another-token")
    assert caught.value.status == 401
    assert len(service.received) == 1
    assert "another-token" not in str(caught.value)
    assert "Set it to a token that may deposit for STATS_COUNTER_DATACITE_ACCOUNT" in str(caught.value)
    send()
    assert sent(service) == ["POST", "POST"]
    assert service.counts(MONTH) == month.expected()


def test_an_answer_that_repeats_the_token_is_shown_without_it(service, send, monkeypatch):
    monkeypatch.setattr(
        service, "_do", lambda *request: (422, {"errors": [f"The header was Bearer {TOKEN}\x1b[31m", "x" * 5_000]})
    )
    with pytest.raises(DepositError, match=r"answered 422: .*Bearer \*\*\*") as caught:
        send()
    assert TOKEN not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 1_500


def test_a_document_that_is_refused_stops(month, service, send):
    service.fail(Fault(422))
    with pytest.raises(DepositError, match="answered 422") as caught:
        send()
    assert caught.value.status == 422
    assert len(service.received) == 1
    assert send().outcome == "deposited"


def test_a_refused_dataset_is_named_with_its_field(month, service, send, monkeypatch):
    """Also of a part: its datasets are counted from 0 in each."""
    many(month)
    problem = "$.report-datasets[1].publisher: it is not known"
    real = service._do
    monkeypatch.setattr(service, "_do", lambda *args: (422, {"errors": [problem]}) if service.received else real(*args))
    with pytest.raises(DepositError, match=r'the dataset 10\.1234/d3, example:d3: publisher = "".*--month 2026-06'):
        send(2)


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_not_followed(service, send, status):
    """It would take the token elsewhere, and make a GET of a POST."""
    service.fail(Fault(status, headers={"Location": "/elsewhere"}))
    with pytest.raises(DepositError, match=f"answered {status}"):
        send()
    assert len(service.received) == 1


def test_the_token_of_a_netrc_file_is_not_taken(service, send, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert send().outcome == "deposited"


def test_a_second_run_ends_at_once(month, service, send, clock):
    """Two runs would add the same part twice."""
    many(month)
    with CutSession(2) as session, pytest.raises(Killed):
        send(2, session)
    clock.go_on(minutes=14)
    with pytest.raises(DepositError, match=r"is being deposited by another run\..*after 2026-07-04T05:15:00 UTC"):
        send(2)
    clock.go_on(minutes=1)
    send(2)
    assert service.counts(MONTH) == month.expected()


def test_a_run_that_was_taken_over_sends_nothing_more(month, service, send, clock):
    """It was stopped for an hour, between two parts."""
    many(month)
    is_first = True

    class Slow(requests.Session):
        def request(self, *args, **kwargs):
            nonlocal is_first
            answer = super().request(*args, **kwargs)
            if is_first:
                is_first = False
                clock.go_on()
                send(2)
            return answer

    with pytest.raises(DepositError, match="Another run has taken over the deposit of 2026-06"):
        send(2, Slow())
    assert service.counts(MONTH) == month.expected()
    assert month.deposit.is_of(month.revision)


def test_a_month_restated_meanwhile_is_due_again(month, service, send, requests_sent):
    def restate():
        if len(service.received) == 1 and month.revision == 1:
            requests_sent.before = None
            month.write([usage("b", 3, 3, 3, 3)], "restated")

    requests_sent.before = restate
    send()
    assert month.deposit.revision == 1
    assert not month.deposit.is_of(2)
    send()
    assert service.counts(MONTH) == month.expected()
