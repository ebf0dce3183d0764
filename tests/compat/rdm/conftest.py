"""The instance, with a page and a file for each of three records, and with what beat does."""

import pytest

from invenio_stats.tasks import aggregate_events, process_events

from ..samples import BROWSER, MACHINE, ROBOT
from .builders import RECORDS, emit
from .instance import CONFIG


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, "SECRET_KEY": "test", **CONFIG}


@pytest.fixture(scope="module")
def base_app(base_app):
    """The application with a page and a file for each record."""

    @base_app.route("/records/<recid>")
    def page(recid):
        emit("record-view", record=RECORDS[recid], via_api=False)
        return "page"

    @base_app.route("/api/records/<recid>")
    def record(recid):
        emit("record-view", record=RECORDS[recid], via_api=True)
        return "record"

    @base_app.route("/records/<recid>/files/data.csv")
    def file(recid):
        emit("file-download", record=RECORDS[recid], obj=RECORDS[recid].file, via_api=False)
        return "content"

    return base_app


@pytest.fixture
def visit(base_app, queues, put_templates):
    """Return `visit(path, who, agent)`: a request by one of many people."""
    return lambda path, who=1, agent=BROWSER: base_app.test_client().get(
        path, headers={"User-Agent": agent}, environ_base={"REMOTE_ADDR": f"192.0.2.{who}"}
    )


@pytest.fixture
def process(refresh):
    """Return a function that does what beat does: events, then totals."""

    def run():
        outcomes = process_events(CONFIG["STATS_EVENTS"])
        refresh()
        results = aggregate_events(CONFIG["STATS_AGGREGATIONS"])
        refresh()
        return outcomes, results

    return run


@pytest.fixture
def used(visit, process):
    """Uses of three records by several people, a robot, a machine and a program."""
    for who in (1, 2, 3):
        visit("/records/r1", who)
    visit("/records/r2", 1)
    visit("/records/r3", 1)
    visit("/records/r1", 4, ROBOT)
    visit("/records/r1", 5, MACHINE)
    visit("/api/records/r1", 6)
    visit("/records/r1/files/data.csv", 1)
    visit("/records/r2/files/data.csv", 1)
    visit("/records/r2/files/data.csv", 2)
    return process()
