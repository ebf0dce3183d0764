"""Summaries of frequent keys are exact, or wrong by no more than they say, however they are merged."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.frequent_keys import Summary, merge

MAX_KEYS = 5
EMPTY = Summary({}, 0)
KEYS = st.integers(0, 12)
BATCHES = st.lists(st.dictionaries(KEYS, st.integers(1, 50), max_size=8), max_size=8)


def merge_all(batches):
    summary = EMPTY
    for batch in batches:
        summary = merge(summary, Summary(batch, 0), MAX_KEYS)
    return summary


def check(summary, seen):
    assert len(summary.counts) <= MAX_KEYS
    for key in {*seen, *summary.counts}:
        known = summary.counts.get(key, 0)
        assert known <= seen[key] <= known + summary.missed
    assert summary.missed * (MAX_KEYS + 1) <= seen.total()


@given(BATCHES)
def test_no_key_is_wrong_by_more_than_is_said(batches):
    check(merge_all(batches), sum(map(Counter, batches), Counter()))


@given(BATCHES, BATCHES)
def test_two_workers_may_merge_what_each_has_seen(first, second):
    """Whatever each of them has left out before."""
    check(merge(merge_all(first), merge_all(second), MAX_KEYS), sum(map(Counter, [*first, *second]), Counter()))


@given(st.lists(st.dictionaries(st.integers(1, MAX_KEYS), st.integers(1, 50)), max_size=8))
def test_a_few_keys_are_counted_exactly(batches):
    assert merge_all(batches) == Summary(dict(sum(map(Counter, batches), Counter())), 0)


def test_the_rarest_keys_go():
    assert merge(Summary({"a": 9, "b": 4}, 1), Summary({"c": 3, "d": 7}, 0), 2) == Summary({"a": 5, "d": 3}, 5)
