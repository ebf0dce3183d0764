"""Somebody forgot `invenio index init`: new indices are right all the same, and wrong ones are named and repaired."""

import json

import pytest
from invenio_search.engine import search

from invenio_stats.cli import stats
from invenio_stats.operations.runner import aggregate_one, process_one
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import TODAY, download

QUESTION = {"q": {"stat": "bucket-file-download-total", "params": {"bucket_id": "B"}}}
INDEX = f"stats-file-download-{TODAY:%Y-%m}"


@pytest.fixture
def invoke(app):
    """Return `invoke(*args, code)`: the JSON that a command prints."""

    def run(*args, code=0):
        result = app.test_cli_runner().invoke(stats, [*args, "--json"])
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    return run


@pytest.fixture
def wrong(queues, search_client, index_prefix, refresh):
    """Totals in an index that the engine has mapped by itself."""
    total = {
        "timestamp": f"{TODAY:%Y-%m-%d}T00:00:00",
        "unique_id": "B_F",
        "count": 3,
        "unique_count": 3,
        "volume": 27,
        "bucket_id": "B",
        "file_key": "paper.pdf",
    }
    index = f"{index_prefix}{INDEX}"
    search_client.index(index=index, id=f"B_F-{TODAY:%Y-%m-%d}", body=total, refresh=True)
    search_client.indices.put_alias(index=index, name=f"{index_prefix}stats-file-download")
    return index


def test_without_templates_new_indices_are_right(queues, search_client, ask, refresh, caplog):
    current_stats.publish("file-download", [download()])
    process_one("file-download")
    refresh()
    aggregate_one("file-download-agg")
    refresh()
    answer = ask(QUESTION)
    assert (answer.status_code, answer.json["q"]["value"]) == (200, 1)
    assert (
        caplog.text.count("An index was made without its template") == 2
    )  # events and totals; nobody has one for automated


@pytest.mark.expect_logged_errors
def test_a_wrong_index_is_named_and_repaired(wrong, ask, invoke, search_client, index_prefix, refresh):
    assert ask(QUESTION).status_code == 500
    found = {finding["check"]: finding for finding in invoke("doctor", code=1)}
    assert found["mappings"]["level"] == "error"
    assert f"{wrong} maps bucket_id as text: queries fail." in found["mappings"]["message"]
    assert "invenio stats indices repair" in found["mappings"]["cure"]

    said = invoke("indices", "repair", "--dry-run")
    assert [(index["index"], index["documents"]) for index in said["indices"]] == [(wrong, 1)]
    assert ask(QUESTION).status_code == 500

    invoke("indices", "repair", "--yes")
    answer = ask(QUESTION)
    assert (answer.status_code, answer.json["q"]["value"]) == (200, 3)
    assert invoke("indices", "repair", "--yes")["indices"] == []
    assert search_client.indices.exists_alias(name=wrong)


def test_a_repaired_index_is_written_to(wrong, invoke, search_client, counts, refresh):
    """Under the name that it had."""
    invoke("indices", "repair", "--yes")
    current_stats.publish("file-download", [download(file_id="G")])
    process_one("file-download")
    refresh()
    aggregate_one("file-download-agg")
    assert counts("stats-file-download") == {f"B_F-{TODAY:%Y-%m-%d}": 3, f"B_G-{TODAY:%Y-%m-%d}": 1}


SNAPSHOT = search.exceptions.RequestError(400, "snapshot_in_progress_exception", {"error": {}, "status": 400})


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize(
    ("sent", "error"),
    [
        pytest.param("_reindex", RuntimeError(), id="the copy"),
        pytest.param("remove_index", SNAPSHOT, id="a snapshot of the index is being made"),
    ],
)
def test_what_fails_leaves_the_index_as_it_was(wrong, search_client, counts, monkeypatch, app, sent, error):
    perform = search_client.transport.perform_request

    def fail(method, url, *args, **kwargs):
        if sent in url or sent in str(kwargs.get("body")):
            raise error
        return perform(method, url, *args, **kwargs)

    before = counts("stats-file-download")
    with monkeypatch.context() as patch:
        patch.setattr(search_client.transport, "perform_request", fail)
        result = app.test_cli_runner().invoke(stats, ["indices", "repair", "--yes"])
        assert result.exit_code == 1
    assert counts("stats-file-download") == before
    search_client.index(index=wrong, id="other", body={"bucket_id": "B"})  # writes are let through again
    assert not search_client.indices.exists(index=f"{wrong}-repaired")
