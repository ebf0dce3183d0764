"""A relative path in a setting is below the instance's directory, whatever folder a process was started in."""

import os
from pathlib import Path

import pytest

from invenio_stats.broker.outbox import Outbox
from invenio_stats.counter.service.report_files import report_directory
from invenio_stats.privacy.geoip import country_database
from invenio_stats.privacy.user_agents.cache import robots_file_path


@pytest.mark.parametrize(
    ("setting", "find"),
    [
        ("STATS_SPOOL_DIR", lambda app: Outbox(app).spool.path.parent),
        ("STATS_COUNTER_DIR", lambda app: report_directory()),
        ("STATS_GEOIP_DATABASE", lambda app: country_database()),
        ("STATS_ROBOTS_FILE", lambda app: robots_file_path()),
    ],
)
def test_a_path_does_not_depend_on_the_current_folder(app, monkeypatch, tmp_path, setting, find):
    """Otherwise web processes, workers and commands, which are started elsewhere, have different ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(app.config, setting, os.path.join("kept", "here"))
    assert Path(find(app)) == Path(app.instance_path, "kept", "here")
    monkeypatch.setitem(app.config, setting, str(tmp_path / "there"))
    assert Path(find(app)) == tmp_path / "there"
