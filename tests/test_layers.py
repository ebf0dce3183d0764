"""A module imports only modules of its own layer or of a lower one; docs/how-it-works shows the layers."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "invenio_stats"
ROOT = Path(__file__).parent.parent / PACKAGE

PAGES = ("views", "quality_view", "reports_view", "privacy_view")

LAYERS = {
    6: {"contrib"},  # declarations; the package never imports it at load time
    # entry points
    5: {"tasks", "cli", "views", "counter.api", *(f"pages.{name}" for name in PAGES)},
    4: {"operations", "counter", "exports", "pages", "importers", "testing"},  # capabilities
    3: {"ext", "definitions", "declare", "utils"},  # wiring
    2: {  # stages: a station with its room
        "receivers",
        "capture",
        "queues",
        "processors",
        "processing",
        "aggregations",
        "bookmark",
        "totals",
        "queries",
        "templates",
    },
    1: {"search", "broker", "privacy", "items", "completeness", "permissions", "proxies", "config"},  # adapters
    0: {"core", "support", "errors"},  # no engine, no broker; core: no Flask, no clock either
}
"""Module or folder -> layer (docs/how-it-works)."""

STAGES = {
    "receivers": "capture",
    "capture": "capture",
    "processors": "process",
    "processing": "process",
    "aggregations": "aggregate",
    "bookmark": "aggregate",
    "totals": "aggregate",
}
"""Station or room -> stage; a module that is not here is a stage of its own."""
ASSEMBLIES = {"cli"}
"""Folders whose `__init__` only puts together what lies in and below them, and which no other file imports."""
HOOKS = {"_get_oldest_event_timestamp", "_split_date_range", "_upper_limit"}
"""Private names that existing instances override: the parts of a run call them on an aggregator."""
NAMEDTUPLE = {"_asdict", "_fields", "_replace"}
FOREIGN = {
    ("broker.transports.channels", "_connection"),
    ("broker.transports.redis", "_state"),
    ("operations.rdm_search_results", "_name"),
    ("privacy.salt_stores", "_path"),
    ("queries", "_index"),
}
"""Private names of other people's objects that are names of ours as well, elsewhere."""
STATISTICS = re.compile(r"total|visitor|click|StatAggregator", re.IGNORECASE)
"""What no name in `search/` and `broker/` speaks of."""
CLOCKS = {"now", "utcnow", "today"}
SERVERS = {"amqp", "elasticsearch", "invenio_queues", "invenio_search", "kombu", "opensearchpy", "redis"}
"""Packages that speak to the search engine or the broker."""


class Import(NamedTuple):
    """One import of one module by another, both named without the package."""

    importer: str
    imported: str
    line: int
    at_load: bool

    def __str__(self):
        return f"{PACKAGE}/{self.importer.replace('.', '/')}.py:{self.line} imports {self.imported or PACKAGE}"


def name_of(path: Path) -> str:
    """Return the dotted name within the package: '' for the front door, 'search' for search/__init__.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def walk(node: ast.AST, at_load: bool = True) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield each import below a node, and whether loading the module runs it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, at_load
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            yield from ((found, False) for found, _ in walk(child))
        else:
            yield from walk(child, at_load and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))


def targets(statement: ast.stmt, importer: str) -> list[str]:
    """Return the full names that a statement imports; of `from a import b`, a.b where that is a module, else a."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    assert isinstance(statement, ast.ImportFrom)
    assert not statement.level, f"{importer}:{statement.lineno}: write the whole name instead of a relative import"
    return [
        f"{statement.module}.{alias.name}" if is_module(f"{statement.module}.{alias.name}") else str(statement.module)
        for alias in statement.names
    ]


def is_module(full_name: str) -> bool:
    """Say whether a dotted name is a module or folder of ours."""
    path = ROOT.parent / full_name.replace(".", "/")
    return full_name.startswith(f"{PACKAGE}.") and (path.is_dir() or path.with_suffix(".py").is_file())


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module's name and syntax tree."""
    for path in sorted(ROOT.rglob("*.py")):
        yield name_of(path), ast.parse(path.read_text(), filename=str(path))


def all_imports() -> Iterator[tuple[str, str, int, bool]]:
    """Yield importer, full name of the imported, line and whether it is at load time."""
    for importer, tree in trees():
        for statement, at_load in walk(tree):
            for target in targets(statement, importer):
                yield importer, target, statement.lineno, at_load


def own_imports() -> list[Import]:
    """Return the imports from one module of ours to another."""
    return [
        Import(importer, target.removeprefix(PACKAGE).removeprefix("."), line, at_load)
        for importer, target, line, at_load in all_imports()
        if target == PACKAGE or target.startswith(f"{PACKAGE}.")
    ]


def layer(module: str) -> int:
    """Return the layer of a module: its own, else that of the folder around it; the front door is above all."""
    if not module:
        return 7
    for number, members in LAYERS.items():
        if module in members:
            return number
    if "." in module:
        return layer(module.rpartition(".")[0])
    return pytest.fail(f"place {module!r} in LAYERS", pytrace=False)


def stage(module: str) -> str:
    """Return the stage of a module in layer 2."""
    top = module.partition(".")[0]
    return STAGES.get(top, top)


def test_every_module_has_a_layer():
    """A new module is placed on purpose."""
    names = {name.partition(".")[0] for name, _ in trees()} - {""}
    missing = sorted(name for name in names if not any(name in members for members in LAYERS.values()))
    assert not missing, f"place these in LAYERS: {missing}"


def test_imports_point_down():
    """A module imports its own layer or one below; `import` inside a function counts too."""
    wrong = [
        f"{found}: layer {layer(found.importer)} -> {layer(found.imported)}"
        for found in own_imports()
        if layer(found.imported) > layer(found.importer) and layer(found.imported) != 6
    ]
    assert not wrong, "\n".join(wrong)


def test_stages_do_not_import_each_other():
    """What passes between stages is data."""
    wrong = [
        str(found)
        for found in own_imports()
        if layer(found.importer) == layer(found.imported) == 2 and stage(found.importer) != stage(found.imported)
    ]
    assert not wrong, "\n".join(wrong)


def folder(module: str) -> str:
    """Return the folder that a module is in; a file at the top level stands for itself."""
    if module in ASSEMBLIES:
        return f"{module}.__init__"
    return module if (ROOT / module.replace(".", "/")).is_dir() else module.rpartition(".")[0] or module


def circle(edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return the members of one circle among directed edges, in order and the first again at the end; [] if none."""
    below: dict[str, set[str]] = {}
    for start, end in edges:
        if start != end:
            below.setdefault(start, set()).add(end)
    done: set[str] = set()

    def descend(path: list[str]) -> list[str]:
        for end in sorted(below.get(path[-1], ())):
            if end in path:
                return [*path[path.index(end) :], end]
            if end not in done and (found := descend([*path, end])):
                return found
        done.add(path[-1])
        return []

    return next(filter(None, (descend([start]) for start in sorted(below) if start not in done)), [])


def test_files_form_no_circle():
    """A file can be read with those that it imports, and without those that import it."""
    assert not circle((found.importer, found.imported) for found in own_imports())


def test_nothing_imports_an_assembly():
    assert not [str(found) for found in own_imports() if found.imported in ASSEMBLIES]


def test_folders_form_no_circle():
    """Two folders import each other's files in one direction only.

    A folder, at any depth, is the files that lie in it directly: `broker` and `broker/transports` are two. A file at
    the top level is a folder of its own. What is imported inside functions, and for types, counts too.
    """
    assert not circle((folder(found.importer), folder(found.imported)) for found in own_imports())


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        pytest.param(["ab", "bc", "ac"], [], id="none"),
        pytest.param(["ab", "bc", "ca"], ["a", "b", "c", "a"], id="of three"),
        pytest.param(["xa", "ab", "ba"], ["a", "b", "a"], id="below another"),
        pytest.param(["aa", "ab"], [], id="itself is none"),
    ],
)
def test_a_circle_is_found(edges, found):
    """The two rules above are as good as this."""
    assert circle(map(tuple, edges)) == found


def test_the_way_to_the_broker_imports_no_processors():
    """A web process loads them with a configuration that names them, and never for the extension's sake."""
    publishing = {"ext", "receivers", "capture", "broker", "definitions"}
    wrong = [
        str(found)
        for found in own_imports()
        if found.importer.partition(".")[0] in publishing and found.imported.partition(".")[0] == "processors"
    ]
    assert not wrong, "\n".join(wrong)


def identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each name that a module defines, uses or imports, with its line."""
    for node in ast.walk(tree):
        for attribute in ("id", "attr", "arg", "name", "asname", "module"):
            name = getattr(node, attribute, None)
            if isinstance(name, str):
                yield getattr(node, "lineno", 0), name


def test_adapters_name_nothing_of_statistics():
    """The search engine and the broker could serve another program: a rule about totals does not belong there."""
    wrong = [
        f"{name}:{line} names {identifier}"
        for name, tree in trees()
        if name.partition(".")[0] in ("search", "broker")
        for line, identifier in identifiers(tree)
        if STATISTICS.search(identifier)
    ]
    assert not wrong, "\n".join(wrong)


def test_contrib_is_not_imported_at_load_time():
    """What the package ships as declarations is optional: import strings are fine."""
    wrong = [
        str(found)
        for found in own_imports()
        if layer(found.imported) == 6 and layer(found.importer) != 6 and found.at_load
    ]
    assert not wrong, "\n".join(wrong)


def test_core_imports_the_standard_library_only():
    """Rules can be read and tested without Flask and without an engine."""
    wrong = [
        f"{importer}:{line} imports {target}"
        for importer, target, line, _ in all_imports()
        if importer.partition(".")[0] == "core"
        and target.partition(".")[0] not in sys.stdlib_module_names
        and not target.startswith(f"{PACKAGE}.core")
    ]
    assert not wrong, "\n".join(wrong)


def test_layer_0_knows_no_engine_and_no_broker():
    """What lies below everything else can be used and tested without any server."""
    wrong = [
        f"{importer}:{line} imports {target}"
        for importer, target, line, _ in all_imports()
        if importer and layer(importer) == 0 and target.partition(".")[0] in SERVERS
    ]
    assert not wrong, "\n".join(wrong)


def clocks(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield where a module can read a clock: what it imports of `time`, and what gives the present moment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield node.lineno, "from time import ..."
        elif isinstance(node, ast.Import) and any(alias.name == "time" for alias in node.names):
            yield node.lineno, "import time"
        elif isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            yield node.lineno, ast.unparse(node)


def test_core_reads_no_clock():
    """A rule is given the moment; the shell that calls it reads the clock, once."""
    wrong = [
        f"{name}:{line} {clock}"
        for name, tree in trees()
        if name.partition(".")[0] == "core"
        for line, clock in clocks(tree)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "source",
    ["from time import time", "import time", "datetime.now(UTC)", "def f(clock=datetime.now): pass", "date.today()"],
)
def test_a_clock_is_found(source):
    assert list(clocks(ast.parse(source)))


def test_no_module_is_imported_by_name():
    """Such an import crosses layers unseen; settings that name objects go through `support.import_strings`."""
    wrong = [
        f"{name}:{node.lineno} {ast.unparse(node)}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and re.search(r"\b(import_module|__import__)$", ast.unparse(node.func))
        and "{__package__}" not in ast.unparse(node)  # a module of the same folder
    ]
    assert not wrong, "\n".join(wrong)


def is_private(name: str) -> bool:
    """Say whether a name is for the file that defines it."""
    return name.startswith("_") and not name.startswith("__") and len(name) > 1 and name not in NAMEDTUPLE


def defined(tree: ast.Module) -> set[str]:
    """Return the private names that a module defines: functions, classes, variables, attributes, arguments."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_own(node.value):
            found.add(node.attr)
    return {name for name in found if is_private(name)}


def is_own(node: ast.expr) -> bool:
    """Say whether an expression is the object, or the class, whose method it stands in."""
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def members(tree: ast.Module) -> set[str]:
    """Return the private names of a module's classes and of their objects."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found = {
        node.name
        for a_class in classes
        for node in a_class.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for node in (node for a_class in classes for node in ast.walk(a_class)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_own(node.value):
            found.add(node.attr)
    for statement in (statement for a_class in classes for statement in a_class.body):
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        found |= {name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)}
    return {name for name in found if is_private(name)}


def by_text(node: ast.AST) -> str | None:
    """Return the attribute that `getattr` and its like are given as a text."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("getattr", "setattr", "hasattr", "delattr"):
        return None
    name = node.args[1] if len(node.args) > 1 else None
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None


def used_elsewhere(module: str, tree: ast.Module, ours: set[str]) -> Iterator[str]:
    """Yield where a module uses private names of ours that it does not define, also those of a base class."""
    known = members(tree) | HOOKS | {name for importer, name in FOREIGN if importer == module}
    for node in ast.walk(tree):
        used = node.attr if isinstance(node, ast.Attribute) else by_text(node)
        if used in ours - known:
            yield f"{module}:{getattr(node, 'lineno', 0)} uses {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == PACKAGE:
            private = [alias.name for alias in node.names if is_private(alias.name)]
            yield from (f"{module}:{node.lineno} imports {node.module}.{name}" for name in private)


def test_private_names_stay_in_their_file():
    """What two files share is public: it has a docstring, and whoever changes it looks for its users."""
    modules = list(trees())
    ours = {name for _, tree in modules for name in defined(tree)}
    wrong = [use for name, tree in modules for use in used_elsewhere(name, tree, ours)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        pytest.param("other._secret()", 1, id="of an object"),
        pytest.param("self.part._secret", 1, id="of a part"),
        pytest.param("class A(B):\n    def f(self):\n        return self._secret", 1, id="of a base class"),
        pytest.param("other._secret = 1", 1, id="set from outside"),
        pytest.param(f"from {PACKAGE}.other import _secret", 1, id="imported"),
        pytest.param("from flask import _secret", 0, id="somebody else's"),
        pytest.param("def _secret(): pass\nmodule._secret", 1, id="of a module, where the file has one alike"),
        pytest.param("class A:\n    def _secret(self): pass\na._secret", 0, id="its own"),
        pytest.param("getattr(other, '_secret')", 1, id="by its text"),
        pytest.param("one._replace(a=1)", 0, id="of a named tuple"),
        pytest.param("aggregator._upper_limit(None)", 0, id="a hook"),
    ],
)
def test_a_private_name_of_another_file_is_found(source, uses):
    """The rule above is as good as what it sees."""
    assert len(list(used_elsewhere("any", ast.parse(source), {"_secret", "_upper_limit"}))) == uses


@pytest.mark.parametrize(
    ("source", "at_load"),
    [
        pytest.param("import json", [True], id="at the top"),
        pytest.param("try:\n    import json\nexcept ImportError:\n    pass", [True], id="tried"),
        pytest.param("def f():\n    import json", [False], id="in a function"),
        pytest.param("if TYPE_CHECKING:\n    import json", [False], id="for types"),
    ],
)
def test_the_walk_finds(source, at_load):
    """The rules above are as good as what they see."""
    assert [found for _, found in walk(ast.parse(source))] == at_load
