"""`verify` and `rebuild` also compare, and correct, the breakdowns of days and of finished months."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.aggregations import UsageBreakdownAggregator
from invenio_stats.cli import stats
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.core.intervals import floor
from invenio_stats.operations.verification import rebuild, verify
from invenio_stats.totals.leases import RunLease

NAME, ALIAS = "usage-breakdown-agg", "stats-usage-breakdown"
NOW = datetime.now(timezone.utc)
MONTH = floor(floor(NOW, "month") - timedelta(days=40), "month")
"""A month that is over."""
DAYS = [MONTH + timedelta(days=day) for day in (3, 10, 20)]
FIRST, MIDDLE, LAST = (f"{day:%Y-%m-%d}" for day in DAYS)
OF_MONTH = f"{MONTH:%Y-%m}"


@pytest.fixture(scope="module")
def aggregations_config(aggregations_config):
    return {**aggregations_config, **USAGE_AGGREGATIONS}


@pytest.fixture
def aggregator(usage_aggregator):
    return usage_aggregator(NAME, UsageBreakdownAggregator)


@pytest.fixture
def counted(app, monkeypatch, usage, usage_aggregator, aggregator, clock):
    """Six visitors a day of two records, one of them in a community; and today's, which are not counted yet."""
    monkeypatch.setitem(app.config, "STATS_BREAKDOWN_MIN_USES", 5)
    clock.now = NOW
    for day in (FIRST, MIDDLE, LAST, f"{NOW:%Y-%m-%d}"):
        for number in range(6):
            usage.view(day=day, visitor_id=f"{number}0", country="DE", labels=["c1"])
            usage.download("i2", day=day, visitor_id=f"{number}1", country="CH", referrer="a.example")
    for name in ("item-usage-agg", "record-usage-agg"):
        usage_aggregator(name).run()
    aggregator.run()
    clock.forward(hours=1)


@pytest.fixture
def stored(stored_totals):
    """Return the stored breakdowns without the time when they were written."""
    return lambda: {
        key: {name: value for name, value in document.items() if name != "updated_timestamp"}
        for key, document in stored_totals(ALIAS).items()
    }


@pytest.fixture
def spoil(search_client, index_prefix, stored):
    """Return `spoil(id, **fields)`: change a stored breakdown, or delete it."""

    def change(document_id, **fields):
        index = f"{index_prefix}{ALIAS}-{MONTH:%Y}"
        if fields:
            source = {**stored().get(document_id, {}), **fields}
            search_client.index(index=index, id=document_id, body=source, refresh=True)
        else:
            search_client.delete(index=index, id=document_id, refresh=True)

    return change


def found(aggregator, *dates):
    differences = verify.prepare(aggregator, *dates).differences()
    return [(f"{d.counted_total.total_key.start:%m-%d}", d.counted_total.total_key.key, d.kind) for d in differences]


def test_equal_breakdowns_have_no_differences(counted, aggregator):
    verification = verify.prepare(aggregator)
    assert list(verification.differences()) == []
    assert verification.starts == DAYS
    assert verification.totals == len(DAYS) * 4 + 4 + 4  # each day and the month of two scopes, and two records
    assert [(skipped.reason, skipped.starts) for skipped in verification.skipped] == [("not_due", [floor(NOW, "day")])]


def test_each_kind_of_difference_is_found(counted, aggregator, spoil, stored):
    day, of_month = stored()[f"country:repository:-{MIDDLE}"], stored()[f"country:record:p1-{OF_MONTH}"]
    spoil(f"country:repository:-{MIDDLE}", rows=[{**day["rows"][0], "visitors": 7}, *day["rows"][1:]])
    spoil(f"referrer:community:c1-{MIDDLE}")
    spoil(f"country:community:c9-{LAST}", **{**stored()[f"country:community:c1-{LAST}"], "scope_id": "c9"})
    spoil(f"referrer:repository:-{OF_MONTH}")
    spoil(f"country:record:p9-{OF_MONTH}", **{**of_month, "scope_id": "p9"})
    assert sorted(found(aggregator)) == sorted(
        [
            (MIDDLE[5:], "country:repository:", "different"),
            (MIDDLE[5:], "referrer:community:c1", "missing"),
            (LAST[5:], "country:community:c9", "orphaned"),
            # The month would be folded from the days that are wrong, too.
            (LAST[5:], f"{OF_MONTH}:country:community:c9", "missing"),
            (LAST[5:], f"{OF_MONTH}:referrer:repository:", "missing"),
            (LAST[5:], f"{OF_MONTH}:country:record:p9", "orphaned"),
            *([(LAST[5:], f"{OF_MONTH}:referrer:community:c1", "different")]),
        ]
    )


def test_a_difference_names_what_differs(counted, aggregator, spoil, stored):
    rows = stored()[f"country:repository:-{MIDDLE}"]["rows"]
    spoil(f"country:repository:-{MIDDLE}", rows=[{**rows[0], "visitors": 7}, *rows[1:]])
    difference = next(iter(verify.prepare(aggregator).differences()))
    assert difference.stored == {"CH": {"investigations": 6, "requests": 6, "visitors": 7}}
    assert difference.counted == {"CH": {"investigations": 6, "requests": 6, "visitors": 6}}


@pytest.mark.parametrize("step", range(4))
def test_a_rebuild_makes_them_anew(counted, aggregator, spoil, stored, step):
    right = stored()
    spoilt = [
        {f"country:repository:-{MIDDLE}": {"rows": []}},
        {f"referrer:community:c1-{FIRST}": {}, f"country:community:c9-{LAST}": {"scope_id": "c9"}},
        {f"referrer:repository:-{OF_MONTH}": {}, f"country:record:p2-{OF_MONTH}": {"rows": []}},
        {f"country:record:p9-{OF_MONTH}": {"scope_id": "p9"}},
    ][step]
    for document_id, fields in spoilt.items():
        like = document_id.replace("c9", "c1").replace("p9", "p1")
        spoil(document_id, **({**right[like], **fields} if fields else {}))
    repair = rebuild.begin(aggregator, DAYS[0], DAYS[-1])
    assert list(repair.differences())
    result = repair.run()
    assert (result.failed, repair.progress.get_bookmark(refresh_time=0)) == (0, None)
    assert stored() == right
    assert found(aggregator) == []


class Killed(BaseException):
    """The process was killed."""


def die(*args):
    raise Killed


def test_a_rebuild_that_is_killed_is_continued(counted, aggregator, spoil, stored, monkeypatch):
    right = stored()
    for day in (FIRST, LAST):
        spoil(f"country:repository:-{day}")

    repair = rebuild.begin(aggregator, DAYS[0], DAYS[-1])
    assert list(repair.differences())
    with monkeypatch.context() as patch:
        patch.setattr(RunLease, "heartbeat", die)
        with pytest.raises(Killed):
            repair.run()
    again = rebuild.begin(aggregator, DAYS[0], DAYS[-1])
    assert list(again.differences())
    again.run()
    assert stored() == right


def test_a_rebuild_leaves_the_work_to_a_run_that_is_at_it(counted, aggregator, spoil):
    spoil(f"country:repository:-{FIRST}")
    repair = rebuild.begin(aggregator, DAYS[0], DAYS[-1])
    assert list(repair.differences())
    lease = aggregator.begin_lease()
    lease.claim({datetime(1970, 1, 1, tzinfo=timezone.utc): 0})
    with pytest.raises(rebuild.RebuildError, match="another run"):
        repair.run()


@pytest.mark.parametrize("day", [FIRST, MIDDLE])
def test_breakdowns_of_a_month_stay_if_events_of_it_were_deleted(
    counted, aggregator, search_client, index_prefix, stored, day
):
    """As of their totals: what can still be counted is less."""
    events = f"{index_prefix}events-stats-record-view*"
    hit = next(
        hit
        for hit in search_client.search(index=events, size=100)["hits"]["hits"]
        if hit["_source"]["timestamp"].startswith(day)
    )
    search_client.delete(index=hit["_index"], id=hit["_id"], refresh=True)
    before = stored()
    repair = rebuild.begin(aggregator, DAYS[0], DAYS[-1])
    assert list(repair.differences()) == []
    assert repair.lost
    assert repair.run() == (0, 0, [])
    assert stored() == before


def test_days_whose_events_are_gone_are_neither_compared_nor_rebuilt(counted, aggregator, search_client, spoil):
    spoil(f"country:repository:-{FIRST}")
    for event_type in ("record-view", "file-download"):
        FirstCompleteDay(search_client, event_type).raise_to(DAYS[1])
    assert "incomplete" in [skipped.reason for skipped in verify.prepare(aggregator).skipped]
    with pytest.raises(rebuild.RebuildError, match="first day with all raw events"):
        rebuild.begin(aggregator, DAYS[0], DAYS[-1])


def test_the_commands_cover_them(counted, app, spoil, stored):
    def invoke(*args, code=0):
        result = app.test_cli_runner().invoke(stats, args)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    right = stored()
    spoil(f"country:repository:-{MIDDLE}")
    answer = invoke("verify", NAME, "--json", code=1)
    assert [(line["interval"], line["key"], line["kind"]) for line in answer["differences"]][0] == (
        MIDDLE,
        "country:repository:",
        "missing",
    )
    dates = ("--from", FIRST, "--to", LAST, "--json")
    assert invoke("aggregations", "rebuild", NAME, *dates, "--dry-run")["aggregations"][NAME]["intervals"] == 2
    assert f"country:repository:-{MIDDLE}" not in stored()
    assert invoke("aggregations", "rebuild", NAME, *dates, "--yes")["aggregations"][NAME]["failed"] == 0
    assert stored() == right
    assert invoke("verify", NAME, "--json")["differences"] == []
