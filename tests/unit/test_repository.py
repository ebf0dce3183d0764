"""Files for whoever works on the repository: what they name is there."""

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)


def moves() -> list[str]:
    """Return the commits that `git blame` passes over."""
    lines = (ROOT / ".git-blame-ignore-revs").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_hooks_work_without_a_network():
    """Each is local and uses a tool of the environment for tests, in the version of setup.cfg."""
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: *(\S+)", text) == ["local"]
    hooks = len(re.findall(r"- id:", text))
    assert re.findall(r"language: *(\S+)", text) == ["system"] * hooks
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    tools = re.findall(r"^([A-Za-z-]+)", setup["options.extras_require"]["tests"], flags=re.MULTILINE)
    used = re.findall(r"entry: *(\S+)", text)
    assert len(used) == hooks
    assert set(used) == {"check-manifest", "mypy", "ruff"} <= set(tools)


def test_git_can_read_which_commits_blame_passes_over():
    """Git refuses the whole file where one line is no full hash."""
    assert moves()
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for commit in moves())


def test_the_commits_that_blame_passes_over_are_in_the_history():
    """They were not squashed or rebased."""
    if git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        pytest.skip("no repository with its whole history")
    assert not [commit for commit in moves() if git("merge-base", "--is-ancestor", commit, "HEAD").returncode]
