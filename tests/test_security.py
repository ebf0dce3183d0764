"""The threat model: each line names tests that exist, and every route of the package stands in it."""

import ast
import configparser
import re
from importlib import import_module
from pathlib import Path

import pytest
from flask import Blueprint

from tests.flow.pages import site

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/security.rst").read_text()
KINDS = {"read", "write", "delay", "flood", "re-identify", "poison"}


def rows(title):
    """Return the cells of the table below a title, without its head."""
    section = re.split(r"\n(?=[^\n]+\n[-~]{3,}\n)", TEXT.partition(f"{title}\n{'-' * len(title)}\n")[2])[0]
    table = re.split(r"\n\n(?=\S)", section.partition(".. list-table::")[2])[0]
    _, *found = re.split(r"^   \* - ", table, flags=re.MULTILINE)
    return [[" ".join(cell.split()) for cell in re.split(r"^     - ", row, flags=re.MULTILINE)] for row in found][1:]


def names_of_tests(path):
    """Return the names of the tests of a file."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


LINES = rows("Threat model")


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line[0]}: {line[1][:50]}")
def test_a_line_names_tests_that_exist(line):
    """A test that was renamed, or is gone, answers nothing."""
    kind, who, answer, named = line
    assert kind in KINDS
    assert all(text.rstrip().endswith(".") or ":ref:" in text for text in (who, answer))
    found = re.findall(r"``(tests/[\w/]+\.py)::(\w+)``", named)
    assert found
    assert re.sub(r"``tests/[\w/]+\.py::\w+``", "", named).strip() == ""
    assert not [f"{path}::{name}" for path, name in found if name not in names_of_tests(path)]


def test_each_kind_of_threat_is_thought_of():
    assert {kind for kind, *_others in LINES} == KINDS
    assert len({tuple(line) for line in LINES}) == len(LINES) > 20


def entry_points():
    """Yield the path below which a blueprint is served, and the blueprint or its factory, as an instance finds them."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    points = setup["options.entry_points"]
    for group, prefix in (("invenio_base.blueprints", ""), ("invenio_base.api_blueprints", "/api")):
        for line in points[group].strip().splitlines():
            module, _, name = line.partition("=")[2].strip().partition(":")
            yield prefix, getattr(import_module(module), name)


@pytest.fixture(scope="module")
def served():
    """The routes of the package, with all that can be switched on."""
    own = {"STATS_COUNTER_PLATFORM": "Test", "STATS_COUNTER_PLATFORM_ID": "test"}
    app = site.create_app(**site.settings(CACHE_TYPE="SimpleCache", **own))
    for prefix, point in entry_points():
        blueprint = point if isinstance(point, Blueprint) else point(app)
        if blueprint.name not in app.blueprints:
            app.register_blueprint(blueprint, url_prefix=f"{prefix}{blueprint.url_prefix or ''}")
        assert blueprint.name.startswith("invenio_stats")
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("invenio_stats")]
    return {f"{', '.join(sorted(rule.methods - {'HEAD', 'OPTIONS'}))} {rule.rule}" for rule in rules}


def test_every_route_is_in_the_model(served):
    """A new page or address is thought about before it is served."""
    documented = [re.fullmatch(r"``(.+)``", row[0])[1] for row in rows("Routes")]
    assert len(documented) == len(set(documented))
    assert {*documented} == served


def test_a_route_says_who_and_how_often():
    assert all(
        len(row) == 3 and row[1] and re.fullmatch(r"\d+ a minute|no|.+ a minute.*", row[2]) for row in rows("Routes")
    )


def test_limits_are_those_that_are_set():
    """What the model says of a route is what the limiter gets."""
    from invenio_stats.definitions.rate_limits import find_limits

    app = site.create_app(**site.settings(CACHE_TYPE="SimpleCache"))
    limits = find_limits(app.view_functions, {"RATELIMIT_PER_ENDPOINT": {}}, {})
    by_rule = {rule.rule: limits.get(rule.endpoint) for rule in app.url_map.iter_rules()}
    said = {row[0].strip("`").split(" ")[-1]: row[2] for row in rows("Routes")}
    expected = {rule: limit.replace(" per ", " a ") if limit else "no" for rule, limit in by_rule.items()}
    assert {rule: text for rule, text in said.items() if rule in expected and text != expected[rule]} == {}
