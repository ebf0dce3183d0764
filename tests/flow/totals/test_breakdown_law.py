"""After a quiet run, breakdowns equal a plain count of the raw events, whatever happened before."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.aggregations import UsageBreakdownAggregator
from tests.fixtures import breakdowns
from tests.laws import examples

DAYS = ("2026-01-31", "2026-02-10", "2026-02-28", "2026-03-19", "2026-03-20", "2026-03-21")
LAW = examples(0.2)

FIELDS = {
    "day": DAYS,
    "item": ("i1", "j1", "i2", "k3", None),
    "visitor_id": ("0a", "3c", "7f", "80", "c1", "ff", None),
    "labels": (["a"], ["a", "b"], None),
    "country": ("DE", "DE", "DE", "CH", "CH", "FR", None),
    "referrer": ("a.example", "a.example", "b.example", "internal", None),
    "access_method": (None, None, None, "TDM"),
    "is_robot": (False, False, False, True),
}

crowds = st.fixed_dictionaries({"kind": st.just("crowd"), "seed": st.integers(0, 10_000), "size": st.integers(10, 40)})
changes = st.fixed_dictionaries(
    {
        "kind": st.just("change"),
        "number": st.integers(0, 30),
        "fields": st.sampled_from(
            [{"superseded": True}, {"superseded": False}, {"is_robot": True}, {"country": "FR"}, {"labels": ["b"]}]
        ),
    }
)
runs = st.fixed_dictionaries({"kind": st.just("run"), "moves": st.booleans()})
waits = st.fixed_dictionaries({"kind": st.just("wait"), "hours": st.integers(1, 200)})


def play(steps, usage, clock, run):
    """Do what the steps say; return where the events are."""
    refs = []

    def crowd(seed, size):
        choose = random.Random(seed).choice
        for _ in range(size):
            use = choose((usage.view, usage.download))
            refs.append(use(**{name: choose(values) for name, values in FIELDS.items()}))

    def change(number, fields):
        usage.change(refs[number % len(refs)], **fields)

    actions = {"crowd": crowd, "change": change, "run": run, "wait": clock.forward}
    for step in steps:
        actions[step["kind"]](**{name: value for name, value in step.items() if name != "kind"})
        clock.forward(seconds=1)
    return refs


@LAW
@given(
    first=crowds,
    steps=st.lists(st.one_of(crowds, crowds, changes, runs, waits), max_size=8),
    window=st.sampled_from([1, 7, 75_000]),
    under=st.integers(1, 3),
    at_most=st.sampled_from([2, 1_000]),
)
def test_breakdowns_equal_a_plain_count(
    app,
    usage,
    usage_aggregator,
    stored_totals,
    index_prefix,
    clock,
    search_client,
    first,
    steps,
    window,
    under,
    at_most,
):
    search_client.indices.refresh(index=f"{index_prefix}*")
    search_client.delete_by_query(index=f"{index_prefix}*", body={"query": {"match_all": {}}}, refresh=True)
    limits = {"STATS_FOLD_UNDER": under, "STATS_BREAKDOWN_VALUES": at_most, "STATS_BREAKDOWN_MIN_USES": 4}
    clock.now = clock.now.replace(month=3, day=20, hour=12)

    def run(moves=True):
        for name in ("item-usage-agg", "record-usage-agg"):
            usage_aggregator(name).run()
        aggregator = usage_aggregator("usage-breakdown-agg", UsageBreakdownAggregator)
        aggregator.events_per_window = window
        aggregator.run(update_bookmark=moves)

    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            patch.setitem(app.config, name, value)
        refs = play([first, *steps], usage, clock, run)
        run()
    events = [
        ("file-download" if "file-download" in ref["index"] else "record-view", search_client.get(**ref)["_source"])
        for ref in sorted(refs, key=lambda ref: ref["id"])
    ]
    today = f"{clock.now:%Y-%m-%d}"
    stored = breakdowns.read(stored_totals("stats-usage-breakdown"))
    assert stored["day"] == breakdowns.count_days(events, today, at_most)
    assert stored["month"] == breakdowns.count_months(events, today, under, at_most, 4)
