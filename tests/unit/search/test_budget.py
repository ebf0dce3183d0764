"""A budget limits the time and the buckets of several searches."""

from math import inf

import pytest

from invenio_stats.search.budget import Budget, OutOfBucketsError, OutOfTimeError, current_budget, limited


def test_time_is_left_until_the_deadline():
    now = [100.0]
    budget = Budget(5, None, clock=lambda: now[0])
    now[0] = 104
    assert (budget.seconds_left(), budget.is_over()) == (1, False)
    budget.spend(1)
    now[0] = 105
    assert budget.is_over()
    with pytest.raises(OutOfTimeError):
        budget.seconds_left()
    with pytest.raises(OutOfTimeError):
        budget.spend(1)


def test_buckets_add_up():
    budget = Budget(None, 10)
    budget.check_buckets(10)
    budget.spend(6)
    budget.spend(4)
    with pytest.raises(OutOfBucketsError) as error:
        budget.spend(2)
    assert error.value.buckets == 12


def test_without_a_context_nothing_is_limited():
    budget = Budget(5, 10)
    with limited(budget):
        assert current_budget() is budget
    assert current_budget() is None


def test_none_is_no_limit():
    budget = Budget(None, None)
    budget.spend(10**9)
    assert budget.seconds_left() == inf
