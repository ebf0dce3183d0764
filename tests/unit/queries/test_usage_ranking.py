"""The largest sums over shards are found exactly, or not at all."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.queries.usage.ranking import Ranked, ShardTop, find_top, in_order
from invenio_stats.search.steps import run
from tests.laws import examples


class Shards:
    """Counts of keys in each shard; remembers what was fetched."""

    def __init__(self, *shards):
        self.shards = shards
        self.sizes = []
        self.summed = []

    def tops(self, size):
        self.sizes.append(size)
        tops = []
        for shard in self.shards:
            largest = sorted((Ranked(*item) for item in shard.items()), key=in_order)[:size]
            tops.append(ShardTop(dict(largest), is_cut=len(largest) == size))
        return tops
        yield  # a procedure without steps

    def sums(self, keys):
        self.summed.append(len(keys))
        return {key: sum(shard.get(key, 0) for shard in self.shards) for key in keys}
        yield

    def rank(self, wanted=10, size=10):
        return run(find_top(wanted, size, self.tops, self.sums))


def test_a_first_that_is_eleventh_in_every_shard_is_found():
    """Ten others lead each shard, and no two shards have the same ten."""
    shards = [
        {**{f"local-{number}-{rank}": 1000 + rank for rank in range(10)}, "everywhere": 999} for number in range(24)
    ]
    found = Shards(*shards).rank()
    assert found[0] == Ranked("everywhere", 24 * 999)


def test_few_keys_need_one_look():
    shards = Shards({"a": 3, "b": 1}, {"b": 2, "c": 9})
    assert shards.rank(size=5) == [("c", 9), ("a", 3), ("b", 3)]
    assert shards.sizes == [5]


def test_a_steep_order_is_proven_at_once():
    shards = Shards(*({f"{key:03}": 2 ** (40 - key) for key in range(40)} for _ in range(4)))
    assert [row.key for row in shards.rank(5)] == ["000", "001", "002", "003", "004"]
    assert shards.sizes == [10]


def test_equal_sums_are_never_proven():
    """A key that was not seen may have as much, and a smaller id."""
    shards = Shards(*({f"{key:03}": 1 for key in range(100)} for _ in range(4)))
    assert shards.rank() is None
    assert shards.sizes == [10, 20, 40]
    assert shards.summed == []


def test_where_all_that_is_wanted_may_be_0_more_of_each_shard_is_not_asked_for():
    """The order of those with 0 is that of their keys, which no bound tells."""
    shards = Shards({"a": 3, **{f"{key:03}": 0 for key in range(100)}})
    assert shards.rank() is None
    assert shards.sizes == [10]


def test_exact_sums_are_asked_only_of_what_may_be_wanted():
    """Each of the ten in a shard has too little, even if it had the tenth's value in the other."""
    shards = Shards(*({f"{shard}-{key:03}": 2 ** (40 - key) for key in range(40)} for shard in "ab"))
    assert [row.key for row in shards.rank(4)] == ["a-000", "b-000", "a-001", "b-001"]
    assert shards.summed == [4]


@pytest.mark.parametrize("shards", [[], [{}], [{}, {}]])
def test_nothing(shards):
    assert Shards(*shards).rank() == []


SHARDS = st.lists(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 30), max_size=30), max_size=5
)


@examples(4)
@given(shards=SHARDS, wanted=st.integers(1, 6), size=st.integers(1, 12))
def test_what_is_returned_is_what_a_plain_count_says(shards, wanted, size):
    found = Shards(*shards).rank(wanted, size)
    sums = Counter()
    for shard in shards:
        sums.update(shard)
    if found is not None:
        assert found == sorted((Ranked(*item) for item in sums.items()), key=in_order)[:wanted]
