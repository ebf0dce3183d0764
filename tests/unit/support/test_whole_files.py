"""A file is whole or absent."""

import pytest

from invenio_stats.support.whole_files import whole_file


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "report"
    with whole_file(path) as file:
        file.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def _write_half(path, error):
    with whole_file(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "report"
    path.write_bytes(b"before")
    with pytest.raises(error):
        _write_half(path, error)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_what_the_process_lets_them(tmp_path):
    """The temporary file is private, the finished one as any other."""
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    with whole_file(tmp_path / "report"):
        pass
    assert (tmp_path / "report").stat().st_mode == plain.stat().st_mode
