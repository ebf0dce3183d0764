"""One run at a time works on an interval, and the bookmark waits for concurrent runs."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.leases import Lease, claim, drop_dead, earliest_start, end, read_leases, write_leases
from invenio_stats.core.moments import parse

NOON = parse("2026-03-20T12:00:00")
LIFE = timedelta(minutes=2)
DAYS = [parse(f"2026-03-{day:02}") for day in range(1, 11)]
WANTED = dict.fromkeys(DAYS, 10)


def lease(token="a", minutes=0, **fields):
    begun = NOON + timedelta(minutes=minutes)
    return Lease(token, begun=begun, alive=begun, **fields)


def test_a_run_alone_gets_what_it_wants():
    assert claim([], lease(), WANTED, 1000) == (DAYS, [])


def test_a_run_takes_about_as_much_as_is_enough_and_at_least_one():
    assert claim([], lease(), WANTED, 25).granted == DAYS[:3]
    assert claim([], lease(), WANTED, 20).granted == DAYS[:2]
    assert claim([], lease(), WANTED, 1).granted == DAYS[:1]


def test_what_another_holds_is_not_to_be_had():
    other = lease("b", holds=tuple(DAYS[:9]))
    assert claim([other], lease(), WANTED, 1000) == (DAYS[9:], [])


def test_what_another_has_done_need_not_be_done_again():
    other = lease("b", done=tuple(DAYS[:9]))
    assert claim([other], lease(), WANTED, 1000) == (DAYS[9:], DAYS[:9])


def test_what_another_did_for_newer_changes_only_is_done_again():
    other = lease("b", done=tuple(DAYS), since=NOON - timedelta(hours=1))
    everything = lease()
    newer = lease(since=NOON)
    assert claim([other], everything, WANTED, 1000).granted == DAYS
    assert claim([other], newer, WANTED, 1000).spared == DAYS


def test_what_another_did_before_we_began_is_done_again():
    """It may have changed since."""
    other = end(lease("b", -10, done=tuple(DAYS)), NOON - timedelta(minutes=5))
    assert claim([other], lease(), WANTED, 1000).granted == DAYS


def test_a_run_without_a_sign_of_life_is_given_up():
    dead, alive = lease("b", -10), replace(lease("c", -10), alive=NOON)
    assert drop_dead([dead, alive], NOON, LIFE) == [alive]


def test_a_run_that_ended_is_known_while_runs_beside_it_go_on():
    done = end(lease("b", -10), NOON - timedelta(minutes=5))
    with_stored = replace(lease("c", -6), alive=NOON)
    assert drop_dead([done, with_stored], NOON, LIFE) == [done, with_stored]
    assert drop_dead([done, replace(with_stored, begun=NOON)], NOON, LIFE) == [replace(with_stored, begun=NOON)]


def test_the_first_of_the_others_counts():
    assert earliest_start([lease("a", -9), lease("b", -3), lease("c")], "a") == NOON - timedelta(minutes=3)
    assert earliest_start([lease("a")], "a") is None


def test_what_is_written_is_read():
    known = [lease(since=NOON, holds=(DAYS[0],), done=(DAYS[1],)), end(lease("b"), NOON)]
    assert read_leases({"leases": write_leases(known)}) == known


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60)), max_size=40))
def test_no_two_runs_hold_an_interval_and_all_of_it_gets_done(steps):
    known: dict[str, Lease] = {}
    for token, most in [*steps, *(("a", 1000), ("a", 1000))]:
        own = known.get(token, lease(token))
        own = replace(own, done=(*own.done, *own.holds), holds=())
        known[token] = own
        got = claim(list(known.values()), own, {day: 10 for day in DAYS if day not in own.done}, most)
        known[token] = replace(own, holds=tuple(got.granted))
        held = [day for lease in known.values() for day in lease.holds]
        assert len(held) == len(set(held))
    assert {day for lease in known.values() for day in (*lease.holds, *lease.done)} == set(DAYS)
