"""Two instances that were given one directory for their spools do not get each other's events."""

import sqlite3

import pytest

from invenio_stats.broker.spool import Spool
from invenio_stats.core.instances import instance_name
from tests.unit.broker.test_spool import MIB, message, taken


@pytest.fixture
def spool_of(tmp_path):
    """Return a function that opens the spool of an instance, as a process of it does."""
    return lambda name: Spool(str(tmp_path), MIB, name)


def test_the_second_instance_has_a_file_of_its_own(spool_of, tmp_path, caplog):
    spool_of("a-").put([message("of a")])
    spool_of("b-").put([message("of b")])
    assert "The spool belongs to another instance; this one uses a file of its own" in caplog.messages
    assert len(list(tmp_path.glob("spool*.sqlite"))) == 2
    assert (spool_of("a-").path.name, spool_of("a-").count()) == ("spool.sqlite", 1)
    assert taken(spool_of("b-")) == ["of b"]
    assert taken(spool_of("a-")) == ["of a"]


def test_a_second_instance_that_only_looks_sees_nothing_of_the_first(spool_of):
    spool_of("a-").put([message("of a")])
    assert spool_of("b-").take(10) == []


def test_all_processes_of_an_instance_share_a_file(spool_of):
    spool_of("a-")
    spool_of("b-").put([message("first")])
    spool_of("a-").put([message("of a")])
    spool_of("b-").put([message("second")])
    assert taken(spool_of("b-")) == ["first", "second"]


def test_what_waited_before_files_had_owners_is_there(spool_of, tmp_path):
    spool_of("").put([message("older")])
    with sqlite3.connect(tmp_path / "spool.sqlite") as database:
        assert database.execute("SELECT 1 FROM sqlite_master WHERE name = 'owner'").fetchone() is None
    assert taken(spool_of("a-")) == ["older"]
    assert spool_of("a-").owner(tmp_path / "spool.sqlite") == "a-"


def test_what_waits_is_sent_after_the_secret_key_has_changed(spool_of):
    spool_of(instance_name("", "old")).put([message("waiting")])
    assert taken(spool_of(instance_name("", "new"))) == ["waiting"]


def test_an_instance_takes_its_file_after_the_other_one_has_gone(spool_of, tmp_path):
    spool_of("a-").put([message("of a")])
    spool_of("b-").put([message("of b")])
    for file in tmp_path.glob("spool.sqlite*"):
        file.unlink()
    assert taken(spool_of("b-")) == ["of b"]
