"""Commands while the database has no tables, as before `invenio db create`: a message with the cure, no traceback."""

import pytest

from invenio_stats.cli import stats
from invenio_stats.contrib.config import HOLDINGS_QUERIES, USAGE_AGGREGATIONS, USAGE_QUERIES
from invenio_stats.items.plain_access import PlainAccess
from tests.conftest import create_light_app
from tests.flow.queries.usage_documents import Totals, usage


def create_app(**config):
    """Return an application with an empty database."""
    from invenio_db import InvenioDB
    from invenio_pidstore import InvenioPIDStore
    from invenio_records import InvenioRecords
    from invenio_records_ui import InvenioRecordsUI

    app = create_light_app(**{**config, "SQLALCHEMY_DATABASE_URI": "sqlite://", "STATS_ACCESS": PlainAccess()})
    for extension in (InvenioDB, InvenioPIDStore, InvenioRecords, InvenioRecordsUI):
        extension(app)
    return app


@pytest.fixture(scope="module")
def aggregations_config(aggregations_config):
    return {**aggregations_config, **USAGE_AGGREGATIONS}


@pytest.fixture(scope="module")
def queries_config(queries_config):
    return {**queries_config, **USAGE_QUERIES, **HOLDINGS_QUERIES}


@pytest.fixture
def invoke(app, search_client, index_prefix, queues):
    """Return a function that runs a command of an instance with one total."""
    Totals(search_client, index_prefix).write_usage([usage("2026-10-01", "42", "42", downloads=3)])
    return lambda *command: app.test_cli_runner().invoke(stats, command)


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize(
    "command",
    [
        ["query", "repository-holdings"],
        ["query", "repository-uploaders", "--format", "csv"],
        ["query", "record-total", "--param", "record=42"],
    ],
    ids=" ".join,
)
def test_a_command_says_how_to_create_the_tables(invoke, command, caplog):
    result = invoke(*command)
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "The database does not answer (OperationalError)." in result.output
    assert "create its tables: invenio db init create" in result.output
    assert not [record for record in caplog.records if record.levelname == "ERROR" and record.exc_info]


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("name", ["repository-total", "repository-records", "repository-open-ratio"])
def test_what_the_search_engine_knows_is_answered(invoke, name, caplog):
    """Without titles, and without holdings."""
    result = invoke("query", name, "--param", "from=2026-10-01", "--param", "to=2026-10-01")
    assert result.exit_code == 0, result.output
    assert not [record for record in caplog.records if record.levelname == "ERROR" and record.exc_info]


def test_an_unknown_record_is_unknown_once_there_are_tables(app, invoke):
    from invenio_db import db

    db.create_all()
    try:
        result = invoke("query", "record-total", "--param", "record=42")
        assert (result.exit_code, "There is no such record" in result.output) == (2, True)
    finally:
        db.session.remove()
        db.drop_all()


@pytest.mark.parametrize("command", [["status"], ["quality"], ["daily"], ["gaps"], ["queries"]], ids=" ".join)
def test_other_commands_do_without(invoke, command):
    assert invoke(*command).exit_code == 0
