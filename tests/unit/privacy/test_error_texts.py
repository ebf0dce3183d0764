"""A log tells which field was missing, and never what an event, a request or a user had in it."""

import traceback

import pytest
from werkzeug.datastructures import MultiDict

from invenio_stats.privacy.error_texts import describe, without_text

FIELDS = ("file_key", "timestamp")
OWN_FIELD = "mime_type"


class Deposit:
    """Something with attributes."""

    size = 7


def fail(work):
    """Return the error of some work."""
    try:
        work()
    except Exception as error:
        return error
    raise AssertionError("it did not fail")


def look_up(key):
    return {}[key]


@pytest.mark.parametrize(
    ("work", "said"),
    [
        pytest.param(lambda: {}["file_key"], "KeyError: missing field 'file_key'", id="a field"),
        pytest.param(lambda: MultiDict()["q"], "BadRequestKeyError: missing field 'q'", id="a subclass of KeyError"),
        pytest.param(lambda: look_up("file_key"), "KeyError: missing field 'file_key'", id="named by the caller"),
        pytest.param(
            lambda: [look_up(name) for name in ("file_key", "size")],
            "KeyError: missing field 'file_key'",
            id="listed",
        ),
        pytest.param(
            lambda: [look_up(name) for name in reversed(FIELDS)],
            "KeyError: missing field 'timestamp'",
            id="ours",
        ),
        pytest.param(lambda: Deposit().owner, "AttributeError: missing attribute 'owner'", id="an attribute"),
        pytest.param(lambda: None.owner, "AttributeError: missing attribute 'owner'", id="of None"),
    ],
)
def test_the_name_of_what_is_missing_is_said(work, said):
    error = fail(work)
    assert describe(error) == said
    assert said in "".join(traceback.format_exception(*without_text(error)))


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda: look_up("jane.doe" + "@example.org"), id="an e-mail address"),
        pytest.param(lambda: look_up("".join(["ja", "ne"])), id="a name"),
        pytest.param(lambda: {}["jane@example.org"], id="an address that somebody wrote into the code"),
        pytest.param(lambda: look_up(19216801), id="a number"),
        pytest.param(lambda: look_up(("jane", "doe")), id="a pair"),
        pytest.param(lambda: getattr(Deposit(), "".join(["ja", "ne"])), id="an attribute"),
        pytest.param(lambda: int("192.0.2" + ".1"), id="a value"),
        pytest.param(lambda: (_ for _ in ()).throw(KeyError("ja" + "ne", 2)), id="two arguments"),
        pytest.param(lambda: (_ for _ in ()).throw(AttributeError("ja" + "ne")), id="a text of somebody's own"),
    ],
)
def test_what_no_programmer_has_written_is_withheld(work):
    error = fail(work)
    assert describe(error) == type(error).__name__
    *_traceback, last = traceback.format_exception(*without_text(error))
    assert last.strip() == f"{type(error).__name__}: (text withheld: it may identify a person)"


def test_a_cause_is_withheld_too():
    def chained():
        try:
            int("192.0.2" + ".1")
        except ValueError as error:
            raise RuntimeError("of 192.0.2" + ".1") from error

    assert "192.0.2.1" not in "".join(traceback.format_exception(*without_text(fail(chained))))


def test_classes_have_their_own_names():
    class Refused(Exception):
        pass

    def refuse():
        raise Refused("jane")

    error = fail(refuse)
    *_traceback, last = traceback.format_exception(*without_text(error))
    assert last.startswith(f"{__name__}.{Refused.__qualname__}: ")
    *_traceback, last = traceback.format_exception(*without_text(fail(lambda: {}["a"])))
    assert last == "KeyError: missing field 'a'\n"
