"""The distribution contains everything, and works without the development environment."""

import json
import os
import subprocess
import sys
import tarfile
import uuid
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.docs_support.answers import is_same_text
from tests.docs_support.blocks import blocks
from tests.docs_support.commands import commands

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "invenio_stats"
DATA = {".css", ".html", ".js", ".json", ".mo", ".pot", ".svg", ".txt"}
"""Kinds of files that are not code and that the package reads or serves."""

pytestmark = pytest.mark.slow

CHECK = """
import importlib.metadata as metadata
import invenio_stats
from importlib.resources import files

assert invenio_stats.__version__ == metadata.version("invenio-stats"), invenio_stats.__version__
assert "site-packages" in invenio_stats.__file__, invenio_stats.__file__
ours = [ep for ep in metadata.distribution("invenio-stats").entry_points]
for entry_point in ours:
    entry_point.load()
import invenio_stats.contrib.config
from flask import Flask
app = Flask("empty")
invenio_stats.InvenioStats(app)
assert app.extensions["invenio-stats"].events_config == {}
print(len(ours), "entry points load")
"""


def run(*command, **kwargs) -> str:
    """Run a command; its whole output is the failure's text.

    Without PYTHONPATH: pip would find the package in a checkout there, and install nothing.
    """
    kwargs.setdefault("env", {name: value for name, value in os.environ.items() if name != "PYTHONPATH"})
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **kwargs)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the source distribution and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_every_file_of_the_package(wheel):
    """A template that is missing is noticed by an instance only when its index has the wrong mapping."""
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.suffix in DATA | {".py"} or path.name == "py.typed"
    }
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert not wanted - held
    assert any(name.endswith("os-v2/record-view-v1.json") for name in held)
    assert {"invenio_stats/translations/messages.pot", "invenio_stats/py.typed"} <= held


def test_the_wheel_holds_nothing_else(wheel):
    """Tests, scripts and examples stay in the source distribution."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"invenio_stats"}


def test_the_source_distribution_can_run_the_tests(built):
    """Whoever packages this for a system has the tests, the launcher and the demo."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {"run-tests.sh", "tests/conftest.py", "scripts/services", "scripts/engine/OpenSearchNode.java"} <= held
    assert "invenio_stats/py.typed" in held


def test_the_script_builds_the_same_wheel(wheel, tmp_path):
    """The README shows it to operators; it prints the path, so that the result can be passed to pip."""
    output = run(ROOT / "scripts/build-wheel", "--outdir", tmp_path / "dist", "--python", sys.executable)
    (path,) = (tmp_path / "dist").iterdir()
    assert output == f"{path}\n"
    assert path.name == wheel.name
    assert package_files(path) == package_files(wheel)


def package_files(wheel: Path) -> list[str]:
    """Return the files of the package; where setuptools puts the licence depends on its version."""
    with zipfile.ZipFile(wheel) as archive:
        return sorted(name for name in archive.namelist() if name.startswith("invenio_stats/"))


def test_the_script_rejects_what_it_does_not_know():
    done = subprocess.run([ROOT / "scripts/build-wheel", "--wheel"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'--wheel' is not an option" in done.stderr


@pytest.mark.parametrize("extra", ["opensearch2", "opensearch1", "elasticsearch7"])
def test_an_extra_for_each_engine_brings_its_client(metadata, extra):
    assert any(
        line.startswith(f"invenio-search[{extra}]") and f'extra == "{extra}"' in line.replace("'", '"')
        for line in metadata.get_all("Requires-Dist")
    )


def test_the_client_of_opensearch_1_brings_what_it_imports(metadata):
    """opensearch-py 1 imports `requests` and asks for it in an extra only."""
    wanted = [line for line in metadata.get_all("Requires-Dist") if "opensearch-py[requests]" in line]
    assert ["opensearch1" in line for line in wanted] == [True]


def test_the_metadata_keep_what_clients_pin(metadata):
    """Every client asks for invenio-stats>=7.0.0,<8.0.0."""
    assert metadata["Name"] == "invenio-stats"
    assert metadata["Version"].startswith("7.10.")
    assert metadata["Requires-Python"] == ">=3.10"
    assert "MIT" in (metadata["License"] or metadata["License-Expression"])


def test_the_wheel_works_in_an_empty_environment(wheel, tmp_path):
    """Its requirements are complete: every entry point loads, and an application starts."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[opensearch2]")
    assert "entry points load" in run(python, "-I", "-c", CHECK, cwd=tmp_path)


@pytest.mark.timeout(900)
def test_the_demo_runs_from_the_wheel(wheel, tmp_path):
    """What is counted is what was sent, with the package as it is distributed and nothing of its checkout."""
    demo = tmp_path / "demo"
    demo.mkdir()
    for name in ("run-demo.sh", "examples"):
        run("cp", "-R", ROOT / name, demo)
    environment = {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin"}
    output = run(demo / "run-demo.sh", "--package", wheel, "--requests", "800", "--json", env=environment)
    assert not json.loads(output)["differences"]


@pytest.mark.timeout(1800)
def test_the_minimal_instance_counts_as_its_page_says(built, engine_url, tmp_path):
    """A newcomer begins with the sources and an empty environment, and runs the commands of the page one by one.

    The search engine and the broker are those of the run, else the embedded engine and a file.
    """
    (sources,) = built.glob("*.tar.gz")
    run("tar", "--extract", "--file", sources, "--directory", tmp_path, "--strip-components", "1")
    folder = tmp_path / "examples/minimal"
    broker_url = os.environ.get("BROKER_URL") or f"sqla+sqlite:///{tmp_path}/events.db"
    environment = {
        "HOME": str(tmp_path),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache/pip")),
        "PATH": f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin",
        "INVENIO_SEARCH_HOSTS": repr([engine_url]),
        "INVENIO_SEARCH_INDEX_PREFIX": f"minimal-{uuid.uuid4().hex[:8]}-",
        "INVENIO_BROKER_URL": broker_url,
    }
    shown = [
        command
        for block in blocks(folder / "README.rst")
        if block.language == "console"
        for command in commands(block.text)
    ]
    # In one shell, which the commands change; the sign stands between their outputs.
    script = "set -e\n" + "".join(f"{command.line}\nprintf '\\036'\n" for command in shown)
    outputs = run("bash", "-c", script, cwd=folder, env=environment).split("\036")
    for command, output in zip(shown, outputs[:-1], strict=True):
        assert not command.output or is_same_text(command.output, output), f"{command.line} prints\n{output}"
    assert "views: 3" in shown[-1].output
