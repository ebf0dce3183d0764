"""The distribution requires what its code imports."""

import ast
import configparser
import re
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path

from tests.test_layers import all_imports

SETUP = Path(__file__).parent.parent.parent / "setup.cfg"
BELOW_INVENIO = {"amqp", "blinker", "celery", "flask", "kombu", "markupsafe", "werkzeug"}
"""What comes with invenio-base, invenio-celery and invenio-queues, which fit their versions together."""

WHERE_INSTALLED = {
    "flask_login",
    "invenio_access",
    "invenio_app",
    "invenio_accounts",
    "invenio_administration",
    "invenio_communities",
    "invenio_db",
    "invenio_files_rest",
    "invenio_pidstore",
    "invenio_rdm_records",
    "invenio_records",
    "invenio_records_files",
    "invenio_vocabularies",
    "jsonschema",
    "openpyxl",
    "prometheus_client",
    "redis",
    "requests",
    "sqlalchemy",
    "sqlalchemy_utils",
    "xlsxwriter",
}
"""What an instance may have or not: the code asks first."""


def test_every_import_is_a_requirement():
    """What happens to be installed beside the tests is missing somewhere else."""
    setup = configparser.ConfigParser()
    setup.read(SETUP)
    required = {name_of(line) for line in setup["options"]["install_requires"].split("\n") if line}
    owners = distributions_by_module()
    tops = {(target.partition(".")[0], importer) for importer, target, _, _ in all_imports()}
    missing = sorted(
        f"{top}, imported by {importer}"
        for top, importer in tops
        if top not in sys.stdlib_module_names | BELOW_INVENIO | WHERE_INSTALLED | {"invenio_stats"}
        and not {name_of(owner) for owner in owners[top]} & required
    )
    assert not missing, missing


def test_every_import_of_the_example_is_in_its_extra():
    """Its environment has no more: `pip install invenio-stats[demo]`."""
    setup = configparser.ConfigParser()
    setup.read(SETUP)
    lines = setup["options.extras_require"]["demo"] + setup["options"]["install_requires"]
    required = {name_of(line) for line in lines.split("\n") if line}
    folder = SETUP.parent / "examples"
    own = {path.stem for path in folder.iterdir()} | {"invenio_stats"}
    trees = [ast.parse(path.read_text()) for path in folder.rglob("*.py")]
    imports = {
        name.partition(".")[0]
        for tree in trees
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
        if name.startswith("invenio_") or name in ("gunicorn", "osmem_server", "simplekv")
    }
    assert {name.replace("_", "-") for name in imports - own} <= required


def distributions_by_module() -> defaultdict[str, set[str]]:
    """Return the installed distributions by top-level module; Python 3.10 has no such function for all of them."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for distribution in distributions():
        for file in distribution.files or ():
            owners[file.parts[0].removesuffix(".py")].add(distribution.metadata["Name"])
    return owners


def name_of(requirement: str) -> str:
    """Return the normalized name of a distribution that a requirement line or a list of installed ones gives."""
    return re.split(r"[\s\[<>=!~;]", requirement.strip(), maxsplit=1)[0].lower().replace("_", "-")


def test_importing_the_package_loads_nothing_that_only_workers_need():
    """Each module of our own costs a fifth of a millisecond, in every process of an instance."""
    code = "import sys, invenio_stats; print(*sorted(name for name in sys.modules if name.startswith('invenio_stats')))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    workers = [
        "processors",
        "aggregations",
        "queries",
        "broker.consume",
        "processing.batch_runner",
        "broker.dead_letters",
    ]
    assert not {f"invenio_stats.{name}" for name in workers} & set(loaded)
    assert len(loaded) == 69


def test_the_docs_name_the_invenio_rdm_that_is_tested():
    root = SETUP.parent
    lines = [(root / "tests/rdm" / name).read_text() for name in ("requirements.txt", "public-release.txt")]
    tested = re.findall(r"^(invenio-app-rdm|invenio-stats)(?:\[\w+\])?==(\S+)", "\n".join(lines), flags=re.MULTILINE)
    assert [name for name, _ in tested] == ["invenio-app-rdm", "invenio-stats"]
    text = " ".join((root / "docs/upgrading.rst").read_text().split())
    assert all(f"{name} {version}" in text for name, version in tested)


def test_no_tuple_with_names_is_generic():
    """Python 3.10 refuses such a class when its module is imported; ruff and mypy do not know it."""
    for path in sorted(Path(__file__).parents[2].glob("invenio_stats/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
            assert "NamedTuple" not in bases or len(bases) == 1, f"{path.name}:{node.lineno}"
