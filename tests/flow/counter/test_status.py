"""The state of each month, whether its day totals have moved since, and customers with unusual numbers."""

from datetime import date

import pytest

from invenio_stats.core import names
from invenio_stats.core.counter_months import Month, next_month
from invenio_stats.core.moments import parse
from invenio_stats.counter.closing.pruning import find_prunable, prune
from invenio_stats.counter.closing.status import read_status
from invenio_stats.counter.closing.usage_indices import BODY
from invenio_stats.counter.customer_spikes import CustomerSpike
from invenio_stats.counter.months import fetch_months, shared_month
from invenio_stats.errors import MonthRefusedError
from tests.fixtures import counter_usage
from tests.flow.counter.test_closing import JANUARY


@pytest.fixture
def status(search_client, clock):
    """Return `status()`: the status of each month by name."""
    return lambda: {month.month: month for month in read_status(search_client, clock.now).months}


@pytest.fixture
def closed(two_months, work, close):
    work()
    close()
    return two_months


def test_open_and_closed_months(closed, status, search_client, clock):
    found = read_status(search_client, clock.now)
    assert (found.first_month, found.last_month) == ("2026-01", "2026-02")
    assert {month.month: month.state for month in found.months} == {
        "2026-01": "closed",
        "2026-02": "closed",
        "2026-03": "open",
    }
    assert not any(month.moved or month.spikes for month in found.months)


def test_before_anything_is_closed(two_months, work, search_client, clock):
    work()
    found = read_status(search_client, clock.now)
    assert (found.first_month, found.last_month) == (None, None)
    assert [month.state for month in found.months] == ["open", "open", "open"]


def test_day_totals_that_have_moved(closed, status, work, clock, restated):
    clock.now = parse("2026-04-01T12:00:00")
    closed.view("i2", "2026-01-10", "late")
    closed.search("2026-01-10")
    work()
    clock.forward(days=20)
    moved = status()["2026-01"].moved
    assert moved.sums == {"Total_Item_Investigations": 1, "Unique_Item_Investigations": 1, "Searches_Platform": 1}
    assert (moved.totals, moved.since, moved.correct_by) == (2, parse("2026-04-01T12:00:00"), date(2026, 7, 1))
    assert status()["2026-02"].moved is None
    restated("2026-01")
    found = status()["2026-01"]
    assert (found.state, found.moved) == ("restated", None)


def test_day_totals_that_have_moved_with_the_same_sums(closed, status, work, clock, usage, search_client):
    event = usage.view("i2", "2026-02-10", "x", country="DE")
    work()
    clock.forward(hours=1)
    usage.change(event, country="FR")
    clock.forward(hours=1)
    work()
    assert status()["2026-02"].moved.totals == 1


def test_day_totals_that_were_deleted(closed, status, search_client, index_prefix, restated):
    """Their raw events would be counted again; until then the month cannot be restated."""
    query = {"query": {"term": {"timestamp": "2026-01-05"}}}
    search_client.delete_by_query(index=f"{index_prefix}stats-item-usage", body=query, refresh=True)
    moved = status()["2026-01"].moved
    assert moved.sums["Total_Item_Investigations"] == -1
    with pytest.raises(MonthRefusedError, match="2026-01-05"):
        restated("2026-01")
    with pytest.raises(MonthRefusedError, match="2026-01-05"):
        restated("2026-01", is_dry=True)


def test_a_month_whose_raw_events_are_gone_is_restated_from_its_day_totals(
    closed, search_client, index_prefix, restated, usage_of, metadata
):
    for kind in ("record-view", "file-download", "search"):
        search_client.indices.delete(index=f"{index_prefix}events-stats-{kind}-2026-01", ignore=[404])
    metadata["i2"] = metadata["i2"]._replace(yop="1999")
    result = restated("2026-01")
    assert result.gone == 31
    assert usage_of("2026-01") == {
        key: (row[0], "1999", *row[2:]) if key[0] == "i2" else row for key, row in JANUARY.items()
    }
    assert counter_usage.read_month(search_client, "2026-01").log[-1]["days_taken_as_they_are"] == 31


def test_a_month_whose_raw_events_and_totals_are_gone_is_not_restated(
    closed, search_client, index_prefix, restated, usage_of
):
    for kind in ("record-view", "file-download", "search"):
        search_client.indices.delete(index=f"{index_prefix}events-stats-{kind}-2026-01", ignore=[404])
    query = {"query": {"term": {"timestamp": "2026-01-05"}}}
    search_client.delete_by_query(index=f"{index_prefix}stats-item-usage", body=query, refresh=True)
    with pytest.raises(MonthRefusedError, match="2026-01-05 are missing"):
        restated("2026-01")
    assert usage_of("2026-01") == JANUARY


@pytest.mark.parametrize("month", ["2026-03", "2025-12", "2023-12"])
def test_an_open_month_is_not_restated(closed, restated, month):
    with pytest.raises(MonthRefusedError, match="cannot be restated"):
        restated(month)


@pytest.fixture
def with_months(search_client, index_prefix):
    """Return `with_months(first, numbers)`: closed months with these requests of c1, one after another."""

    def write(first, numbers):
        for distance, number in enumerate(numbers):
            month = next_month(first, distance)
            sums = {"Total_Item_Requests": number}
            document = Month(month, "closed", 1, "2026-03-01T00:00:00+00:00", "2026-03-01T00:00:00+00:00", sums, 1)
            shared_month(search_client, month).change(lambda source, new=document: new.as_source(), 1)
            name = f"{index_prefix}{names.counter_usage_index(month, 1)}"
            aliases = {name: {}, f"{index_prefix}{names.COUNTER_USAGE}": {}}
            search_client.indices.create(index=f"{name}-x", body={**BODY, "aliases": aliases})
            usage = {"item_id": "i1", "institution": "c1", "total_item_requests": number}
            search_client.index(index=f"{name}-x", id="1", body=usage, refresh=True)

    return write


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        pytest.param([100] * 12 + [400], [("high", 400, 100)], id="three times the mean plus 100"),
        pytest.param([100] * 12 + [399], [], id="a little less"),
        pytest.param([200] * 12 + [1], [("low", 1, 200)], id="less than a hundredth"),
        pytest.param([200] * 12 + [2], [], id="a hundredth"),
        pytest.param([19] * 12 + [0], [], id="few"),
        pytest.param([20] * 12 + [0], [("low", 0, 20)], id="not so few"),
        pytest.param([900, *[100] * 12, 400], [("high", 400, 100)], id="thirteen months ago"),
        pytest.param([100] * 2 + [4000], [], id="too early to tell"),
        pytest.param([100] * 3 + [400], [("high", 400, 100)], id="after three months"),
    ],
)
def test_spikes(status, with_months, numbers, found, two_months, clock):
    with_months("2025-01", numbers)
    clock.now = parse("2026-06-01T00:00:00")
    spikes = {month: known.spikes for month, known in status().items() if known.spikes}
    last = next_month("2025-01", len(numbers) - 1)
    customers = ("0000000000000000", "c1")
    expected = [CustomerSpike(customer, *spike) for spike in found for customer in customers]
    assert spikes.get(last, []) == expected
    assert spikes.keys() <= {last}


@pytest.fixture
def closed_in_engine(search_client):
    """Return a function that closes an index until the end of the test."""
    closed = []

    def close(index):
        (name,) = search_client.indices.get_alias(index=index)
        search_client.indices.close(index=name)
        closed.append(name)
        return name

    yield close
    for name in closed:
        search_client.indices.open(index=name)


def test_a_month_whose_usage_is_closed_in_the_engine_has_no_low_spike(
    status, with_months, two_months, clock, closed_in_engine, index_prefix
):
    """It is named instead; The World's number is that of the month."""
    with_months("2025-01", [200] * 12 + [200])
    clock.now = parse("2026-06-01T00:00:00")
    index = closed_in_engine(f"{index_prefix}{names.counter_usage_index('2026-01', 1)}")
    found = status()
    assert {month: known.closed_indices for month, known in found.items() if known.closed_indices} == {
        "2026-01": [index]
    }
    assert not any(known.spikes for known in found.values())


def test_a_month_is_not_compared_with_one_that_is_closed_in_the_engine(
    status, with_months, two_months, clock, closed_in_engine, index_prefix
):
    """As a month without requests it would make a high spike of the next ones."""
    with_months("2025-01", [*[400] * 3, 1000])
    clock.now = parse("2026-06-01T00:00:00")
    for month in ("2025-02", "2025-03"):
        closed_in_engine(f"{index_prefix}{names.counter_usage_index(month, 1)}")
    assert status()["2025-04"].spikes == []


def test_day_totals_that_are_closed_in_the_engine_have_not_moved(
    closed, status, closed_in_engine, index_prefix, search_client
):
    index = closed_in_engine(f"{index_prefix}stats-item-usage-2026-01")
    january, february = (status()[month] for month in ("2026-01", "2026-02"))
    assert (january.moved, january.closed_indices) == (None, [index])
    assert (february.moved, february.closed_indices) == (None, [])


def test_months_that_are_no_longer_offered_are_deleted_only_by_prune(with_months, search_client, index_prefix, clock):
    with_months("2023-11", [1, 2, 3])
    with_months("2024-02", [3])
    clock.now = parse("2026-12-31T23:00:00")
    assert list(fetch_months(search_client, clock.now.date())) == ["2024-01", "2024-02"]
    found = find_prunable(search_client, clock.now.date())
    assert [month.month for month in found] == ["2023-11", "2023-12"]
    for month in found:
        prune(search_client, month)
    assert find_prunable(search_client, clock.now.date()) == []
    left = search_client.indices.get(index=f"{index_prefix}{names.COUNTER_USAGE}-*")
    assert [index.removeprefix(f"{index_prefix}{names.COUNTER_USAGE}-") for index in sorted(left)] == [
        "2024-01-r1-x",
        "2024-02-r1-x",
    ]
    assert find_prunable(search_client, date(2027, 1, 1)) != []
