"""`invenio stats counter check` says what is wrong with a file."""

import json
import sys

import pytest

from invenio_stats.cli import stats
from tests.unit.counter.checking.documents import good_reports

pytestmark = pytest.mark.embedded


@pytest.fixture
def check(app):
    def run(*arguments, code):
        result = app.test_cli_runner().invoke(stats, ["counter", "check", *map(str, arguments)])
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def right(tmp_path):
    path = tmp_path / "ir.json"
    path.write_text(json.dumps(good_reports()["IR"]))
    return path


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "pr.json"
    report = good_reports()["PR"]
    report["Report_Items"] = []
    path.write_text(json.dumps(report))
    return path


def test_a_file_with_nothing_wrong(check, right):
    assert check(right, code=0) == f"{right}: nothing is wrong.\n"


def test_each_finding_has_a_line(check, right, wrong):
    output = check(right, wrong, code=1)
    assert f"{right}: nothing is wrong.\n{wrong}: findings: 1.\n    Report_Items: the report is empty" in output
    assert "[empty-without-exception]" in output


def test_findings_for_programs(check, right, wrong):
    found = json.loads(check(right, wrong, "--json", code=1))
    assert found[str(right)] == []
    assert [finding["rule"] for finding in found[str(wrong)]] == ["empty-without-exception"]


def test_it_needs_no_reports_of_its_own(app, monkeypatch, check, right):
    """A report may be checked by somebody who makes none."""
    monkeypatch.setattr(app.extensions["invenio-stats"], "counter_platform", None, raising=False)
    check(right, code=0)


def test_another_file_is_named(check, tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[1, 2]")
    assert "is no COUNTER report as JSON, TSV or XLSX" in check(path, code=2)


def test_a_missing_package_is_named(check, right, monkeypatch):
    from invenio_stats.counter.checking import reports

    reports._validator.cache_clear()
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert "jsonschema is not installed: pip install 'invenio-stats[testing]'." in check(right, code=2)
