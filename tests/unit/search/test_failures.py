"""What a failure of the search engine means: one table of statuses, and what each kind of caller makes of it."""

import ast
from pathlib import Path

import pytest
from invenio_search.engine import search

import invenio_stats
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.failures import (
    CONFLICT,
    FINAL_FOR_DESTINATION,
    FINAL_FOR_DOCUMENT,
    TRANSIENT,
    classify_error,
    classify_item,
    classify_status,
    describe_failure,
    error_type,
    is_absent,
    is_alias_there,
    is_busy,
    is_index_missing,
    is_index_there,
    is_malformed,
    is_mapping_refused,
    is_too_large,
    status_of,
)

ITEMS = [
    (200, None, None),
    (201, None, None),
    (400, "mapper_parsing_exception", FINAL_FOR_DOCUMENT),
    (400, "strict_dynamic_mapping_exception", FINAL_FOR_DOCUMENT),
    (400, "illegal_argument_exception", FINAL_FOR_DOCUMENT),
    (400, "index_closed_exception", FINAL_FOR_DOCUMENT),
    (401, "security_exception", FINAL_FOR_DESTINATION),
    (403, "cluster_block_exception", TRANSIENT),
    (403, "index_create_block_exception", TRANSIENT),
    (404, "index_not_found_exception", FINAL_FOR_DESTINATION),
    (404, None, FINAL_FOR_DESTINATION),
    (405, None, FINAL_FOR_DESTINATION),
    (409, "version_conflict_engine_exception", CONFLICT),
    (413, None, FINAL_FOR_DOCUMENT),
    (429, "circuit_breaking_exception", TRANSIENT),
    (429, "rejected_execution_exception", TRANSIENT),
    (500, "exception", TRANSIENT),
    (502, None, TRANSIENT),
    (503, "unavailable_shards_exception", TRANSIENT),
    (504, None, TRANSIENT),
    (None, None, TRANSIENT),
]
"""Status, type of the error, class."""

ERRORS = [
    (search.exceptions.RequestError(400, "mapper_parsing_exception", {}), FINAL_FOR_DOCUMENT, FINAL_FOR_DOCUMENT),
    (search.exceptions.AuthenticationException(401, "", {}), FINAL_FOR_DESTINATION, FINAL_FOR_DESTINATION),
    (search.exceptions.AuthorizationException(403, "", {}), TRANSIENT, FINAL_FOR_DESTINATION),
    (search.exceptions.NotFoundError(404, "", {}), FINAL_FOR_DESTINATION, FINAL_FOR_DESTINATION),
    (search.exceptions.ConflictError(409, "", {}), CONFLICT, CONFLICT),
    (search.exceptions.TransportError(413, "", {}), FINAL_FOR_DOCUMENT, FINAL_FOR_DOCUMENT),
    (search.exceptions.TransportError(429, "", {}), TRANSIENT, TRANSIENT),
    (search.exceptions.TransportError(500, "", {}), TRANSIENT, TRANSIENT),
    (search.exceptions.TransportError(503, "", {}), TRANSIENT, TRANSIENT),
    (search.exceptions.ConnectionError("N/A", "", OSError()), TRANSIENT, TRANSIENT),
    (search.exceptions.ConnectionTimeout("TIMEOUT", "", OSError()), TRANSIENT, TRANSIENT),
    (EngineUnavailableError("later"), TRANSIENT, TRANSIENT),
]
"""Exception, class, class where no write block refuses the request as a whole."""


def item(status, kind=None):
    return {"status": status, **({"error": {"type": kind, "reason": "quotes the document"}} if kind else {})}


def because(reason):
    return {"error": {"root_cause": [{"type": "invalid_index_name_exception", "reason": reason}]}}


@pytest.mark.parametrize(("status", "kind", "expected"), ITEMS)
def test_an_answer_for_one_document_has_a_class(status, kind, expected):
    assert classify_item(item(status, kind)) is classify_status(status) is expected


@pytest.mark.parametrize(
    ("error", "writing", "reading"), [pytest.param(*row, id=f"{type(row[0]).__name__}-{row[0]}") for row in ERRORS]
)
def test_an_exception_has_a_class(error, writing, reading):
    """403 is a write block only where a write block can be the answer."""
    assert classify_error(error) is writing
    assert classify_error(error, may_be_blocked=False) is reading


def test_an_answer_without_a_status_is_no_success():
    assert classify_item({}) is TRANSIENT


def test_a_status_is_a_number_or_unknown():
    assert status_of(ERRORS[0][0]) == 400
    assert status_of(search.exceptions.ConnectionError("N/A", "", OSError())) is None
    assert status_of(ValueError()) is None


def test_the_type_of_an_error_is_all_that_is_told_of_it():
    assert error_type(item(400, "mapper_parsing_exception")) == "mapper_parsing_exception"
    assert error_type({"error": "text"}) == error_type({"error": {}}) == error_type({}) == "unknown"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"type": "index_closed_exception", "reason": "secret", "index": "a"}, "index_closed_exception (index a)"),
        (
            {"type": "search_phase_execution_exception", "root_cause": [{"type": "x_exception", "index": "b"}]},
            "x_exception (index b)",
        ),
        (
            {"type": "cluster_block_exception", "reason": "index [c] blocked by: [FORBIDDEN/8/secret]"},
            "cluster_block_exception (index c)",
        ),
        ({"type": "parsing_exception", "reason": "secret", "root_cause": []}, "parsing_exception"),
        ("secret", "RequestError"),
    ],
)
def test_people_are_told_what_failed_and_where_and_no_text(error, text):
    assert describe_failure(search.exceptions.RequestError(400, "x", {"error": error})) == text
    assert describe_failure(search.exceptions.ConnectionError("N/A", "secret", OSError())) == "ConnectionError"


@pytest.mark.parametrize(
    ("operation", "status", "expected"), [("delete", 404, True), ("delete", 409, False), ("index", 404, False)]
)
def test_a_deletion_of_what_is_not_there_is_done(operation, status, expected):
    assert is_absent(operation, item(status)) is expected


@pytest.mark.parametrize("status", [row[0] for row in ITEMS])
def test_each_special_answer_has_its_status(status):
    error = search.exceptions.TransportError(status, "", {})
    assert is_busy(item(status)) is (status == 429)
    assert is_too_large(error) is (status == 413)
    assert is_malformed(error) is (status == 400)
    assert is_mapping_refused(error) is (status in (400, 403))


def test_a_missing_index_is_told_by_the_type_alone():
    assert is_index_missing({"error": {"type": "index_not_found_exception"}})
    assert not is_index_missing({"error": {"type": "no_shard_available_action_exception"}})
    assert not is_index_missing({"found": False})


def test_what_is_there_already_is_told_by_the_type():
    exists = search.exceptions.RequestError(400, "resource_already_exists_exception", {})
    alias = search.exceptions.RequestError(400, "invalid_index_name_exception", because("already exists as alias"))
    wrong = search.exceptions.RequestError(400, "invalid_index_name_exception", because("must be lowercase"))
    assert [(is_index_there(error), is_alias_there(error)) for error in (exists, alias, wrong)] == [
        (True, False),
        (False, True),
        (False, False),
    ]


PACKAGE = Path(invenio_stats.__file__).parent
ENGINE = {"search/failures.py"}
HTTP = {
    *("core/delivered_content.py", "pages/badge.py", "pages/reports_view.py", "pages/views.py"),
    *("views/__init__.py", "views/caching.py", "counter/deposit/client.py", "counter/deposit/refusals.py"),
}
"""They judge the answers that visitors get, or those of another service, not the engine's."""


def compared_statuses(tree):
    """Yield the line of each comparison with a number that can be the status of an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            numbers = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
            if numbers & {400, 401, 403, 404, 405, 409, 413, 429, *range(500, 505)}:
                yield node.lineno


def test_statuses_of_the_engine_are_judged_in_one_place():
    """A second statement of the rule would be forgotten when the rule changes."""
    trees = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}
    found = {name: list(compared_statuses(tree)) for name, tree in trees.items()}
    assert {name for name, lines in found.items() if lines} - HTTP == ENGINE


def test_versions_are_read_and_sent_in_one_place():
    """Compare-and-set is written once; elsewhere the words are only those of filters of the answer."""
    sources = {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.py")}
    assert {name for name, text in sources.items() if "if_seq_no" in text} == {"search/versions.py"}
    assert {name for name, text in sources.items() if '"_seq_no"' in text} == {"search/versions.py"}
    assert {name for name, text in sources.items() if "ConflictError" in text} == {"search/versions.py"}
