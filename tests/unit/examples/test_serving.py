"""The demo that stays up: it says who may log in, and its traffic ends with what it uses."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.append(str(Path(__file__).parents[3] / "examples"))

from demo import serving  # noqa: E402 - the folder has to be on the path first
from demo.processes import DemoError  # noqa: E402

from tests.unit.examples.test_traffic import CATALOGUE  # noqa: E402

PEOPLE = [
    {"role": "manager of physics", "email": "manager@example.org"},
    {"role": "administrator", "email": "administrator@example.org"},
]


def make_stage(check=lambda: None):
    return SimpleNamespace(
        url="http://127.0.0.1:5000",
        address=("127.0.0.1", 9),
        engine=("127.0.0.1", 9200),
        catalogue={**CATALOGUE, "people": PEOPLE},
        command_file=lambda: Path("/demo/invenio"),
        processes=SimpleNamespace(check=check),
    )


def test_the_address_of_the_pages_comes_first_and_each_role_has_its_log_in():
    lines = serving.describe(make_stage()).splitlines()
    assert "http://127.0.0.1:5000/stats/" in lines[1]
    text = "\n".join(lines)
    assert "an uploader: reader0@example.org, who sees http://127.0.0.1:5000/stats/me" in text
    assert "a manager of physics: manager@example.org, who sees http://127.0.0.1:5000/stats/communities/physics" in text
    assert "an administrator: administrator@example.org, who sees http://127.0.0.1:5000/stats/users/1" in text
    assert "    /demo/invenio stats counter close --yes" in lines
    assert "COUNTER reports are at http://127.0.0.1:5000/stats/reports" in text
    assert "-d email=reader0@example.org -d 'password=secret' http://127.0.0.1:5000/api/login" in text


def test_traffic_comes_round_after_round_until_a_process_has_ended(monkeypatch):
    rounds = []

    class Driver:
        def __init__(self, address, visits, threads):
            self.visits = visits

        def run(self, check):
            rounds.append(self.visits)
            check()

    def check():
        if len(rounds) == 3:
            raise DemoError("'instance' has ended")

    monkeypatch.setattr(serving, "Driver", Driver)
    with pytest.raises(DemoError, match="has ended"):
        serving.send_traffic(make_stage(check), seed=1, seconds=0.0, requests=50)
    assert len(rounds) == 3
    assert rounds[0] != rounds[1] != rounds[2]
    assert all(visits[-1].steps[0].kind == "robot: flood" for visits in rounds)
