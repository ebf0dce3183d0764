"""A document that another program has written beside ours stops nothing: it is logged, and the others are used."""

import json

import pytest
from invenio_search.utils import prefix_index

from invenio_stats.cli import stats
from invenio_stats.core import names
from invenio_stats.core.anomalies import Anomaly
from invenio_stats.operations.anomalies.store import change, read_anomalies, read_anomaly
from invenio_stats.operations.anomaly_decisions import finish_decisions
from invenio_stats.operations.corrections import note_correction, read_corrections
from invenio_stats.operations.reclassification.catalog_changes import read_agents
from invenio_stats.operations.retention.groups import find_groups
from invenio_stats.operations.retention.guards import find_limits
from invenio_stats.privacy.user_agents.catalog import read_texts
from tests.flow.operations.reclassification import conftest as reclassification
from tests.flow.operations.reclassification.conftest import NOON, PATTERN, clock

views, lists, counted, reclassify, aggregations_config = (
    reclassification.views,
    reclassification.lists,
    reclassification.counted,
    reclassification.reclassify,
    reclassification.aggregations_config,
)

ANOMALY = Anomaly(f"{NOON:%Y-%m-%d}", "item", "1", 900, 3, clock())
SOURCE = ANOMALY.as_source()
NOTED = {"timestamp": "2026-01-01T00:00:00+00:00", "kind": "import", "summary": "s", "command": "c", "months": {}}
MESSAGE = "A document cannot be read and is left out"


@pytest.fixture
def put(search_client):
    def store(index, document_id, source):
        search_client.index(index=prefix_index(index), id=document_id, body=source, refresh=True)

    return store


@pytest.fixture
def logged(caplog):
    """Return `logged()`: the ids of documents that were left out; it forgets them, as expected ones."""

    def take():
        found = {record.document_id for record in caplog.records if record.getMessage().startswith(MESSAGE)}
        caplog.clear()
        return found

    return take


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"period": "2026-01-02", "what": "item"}, id="fields are missing"),
        pytest.param({**SOURCE, "found": "garbage"}, id="no moment"),
        pytest.param({**SOURCE, "number": "many"}, id="no number"),
        pytest.param({**SOURCE, "usual": None}, id="nothing usual"),
        pytest.param({**SOURCE, "period": "2026-99-99", "is_done": False}, id="no day"),
        pytest.param({**SOURCE, "state": "lost"}, id="unknown state"),
        pytest.param({**SOURCE, "selection": {"day": "x"}, "state": "excluded", "is_done": False}, id="no selection"),
        pytest.param({**SOURCE, "selection": ["item"]}, id="a list"),
        pytest.param({**SOURCE, "value": "2", "is_done": False}, id="another id"),
    ],
)
def test_unusual_days(app, search_client, put, logged, source):
    change(search_client, ANOMALY.id, lambda known: ANOMALY)
    put(names.ANOMALIES, "2026-01-02-01234567", source)
    assert [found.id for found in read_anomalies(search_client)] == [ANOMALY.id]
    assert read_anomaly(search_client, "2026-01-02-01234567") is None
    assert finish_decisions() == 0
    for group in find_groups():
        reasons = {limit.reason for limit in find_limits(search_client, group, clock(), clock())}
        assert "exclusion" not in reasons
    assert logged() == {"2026-01-02-01234567"}


def test_what_is_found_again_replaces_what_cannot_be_read(app, search_client, put, logged):
    put(names.ANOMALIES, ANOMALY.id, {"period": ANOMALY.period})
    change(search_client, ANOMALY.id, lambda known: ANOMALY if known is None else None)
    assert logged() == {ANOMALY.id}
    assert read_anomaly(search_client, ANOMALY.id).number == ANOMALY.number


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({}, id="empty"),
        pytest.param({**NOTED, "timestamp": None}, id="no moment"),
        pytest.param({**NOTED, "kind": ["import"]}, id="no kind"),
        pytest.param({**NOTED, "months": "none"}, id="no months"),
        pytest.param({**NOTED, "months": {"2026-01": None}}, id="no numbers"),
        pytest.param({**NOTED, "months": {"2026-01": {"views": "a"}}}, id="a number that is none"),
        pytest.param({**NOTED, "months": {"zzz": {"views": 1}}}, id="no month"),
    ],
)
def test_corrections(app, search_client, put, logged, source):
    note_correction(search_client, "import", "Imported.", {"2026-01": {"events": 2}}, clock(), "import")
    put(names.CORRECTIONS, "foreign", source)
    assert [found.summary for found in read_corrections(search_client)] == ["Imported."]
    for options in ([], ["--json"]):
        result = app.test_cli_runner().invoke(stats, ["corrections", "list", *options])
        assert result.exit_code == 0, result.exception
    assert logged() == {"foreign"}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({}, id="empty"),
        pytest.param({"agent": 5, "agent_class": "browser"}, id="no text"),
        pytest.param({"agent": "curl/8"}, id="no class"),
        pytest.param({"agent": "curl/8", "agent_class": "tool"}, id="unknown class"),
        pytest.param({"agent": "curl/8", "agent_class": "browser", "reduced_class": "machine"}, id="half of a pair"),
    ],
)
def test_user_agents(app, search_client, put, logged, views, counted, lists, reclassify, source):
    views(0)
    lists([PATTERN])
    put(names.AGENTS, "foreign", source)
    assert "foreign" not in [agent.agent_id for agent in read_agents(search_client)]
    assert isinstance(read_texts(search_client, ["foreign"]).get("foreign", ""), str)
    result = app.test_cli_runner().invoke(stats, ["robots", "update", "--dry-run", "--json"])
    assert len(json.loads(result.stdout)["agents"]) == 1, result.exception
    reclassify()
    assert counted()["record-view"] == {}
    assert logged() == {"foreign"}
