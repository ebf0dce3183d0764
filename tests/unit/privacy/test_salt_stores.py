"""Stores of salts: each release keeps its own, also in a cache that another has used."""

from cachelib import SimpleCache

from invenio_stats.privacy.salt_stores import salt_store

DAY = "2026-11-02"


def test_what_another_release_keeps_under_its_own_key_is_left_alone():
    """7.x keeps its salt of a day in another form; neither could read what the other has put there."""
    cache = SimpleCache()
    cache.set(f"stats:salt:{DAY}", b"theirs")
    salt = salt_store(cache).get_or_make(DAY)
    assert salt_store(cache).get(DAY) == salt
    assert len(salt) == 64
    assert cache.get(f"stats:salt:{DAY}") == b"theirs"


def test_nothing_is_put_where_another_release_looks():
    cache = SimpleCache()
    salt_store(cache).get_or_make(DAY)
    assert cache.get(f"stats:salt:{DAY}") is None
