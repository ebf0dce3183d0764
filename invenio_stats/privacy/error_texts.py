"""Withhold the texts of errors from logs and dead letters: they quote values, which may identify a person."""

import re
import sys
from collections.abc import Iterator
from traceback import walk_tb
from types import CodeType, TracebackType

from flask import current_app

from invenio_stats.core.mappings import EVENT_FIELDS

_FIELD_NAME = r"[A-Za-z_][\w.-]{0,63}"


def without_text(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """Return an error as `exc_info` for a log: with the name of its class and its traceback, but without its text.

    In place of the text stands the name of the field or attribute that it misses. With STATS_LOG_ERROR_TEXTS the error
    itself is returned.
    """
    if current_app and current_app.config.get("STATS_LOG_ERROR_TEXTS"):
        return type(error), error, error.__traceback__
    original = type(error)
    names = {"__module__": original.__module__, "__qualname__": original.__qualname__}
    withheld = type(original.__name__, (Exception,), names)(
        _missing(error) or "(text withheld: it may identify a person)"
    )
    return type(withheld), withheld, error.__traceback__


def traceback_of(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
    """Return an error of the instance's records as `without_text` does; None if only the database is away or empty.

    Then the name of the error says it all, and each request, and each command, would have a long traceback.
    """
    return None if is_database_away(error) else without_text(error)


def is_database_away(error: BaseException | None) -> bool:
    """Return True if the database does not answer, or does not have its tables yet.

    What was in a statement, or where it was sent, says nothing about such an error.
    """
    # Whoever has not imported SQLAlchemy gets no error of it.
    errors = sys.modules.get("sqlalchemy.exc")
    if errors is None:
        return False
    if isinstance(error, errors.ProgrammingError):  # PostgreSQL's; SQLite has one class for both
        return type(error.orig).__name__ == "UndefinedTable"
    return isinstance(error, errors.OperationalError)


def describe(error: BaseException) -> str:
    """Return the name of an error's class, with that of the field or attribute that it misses; no values."""
    missing = _missing(error)
    return f"{type(error).__name__}: {missing}" if missing else type(error).__name__


def _missing(error: BaseException) -> str | None:
    """Return which field or attribute an error misses, if that is a name in the source code; otherwise None.

    A key may be anything, such as an e-mail address; a name that a programmer has written down is nobody's.
    """
    kind, name = "field", None
    if isinstance(error, KeyError) and len(error.args) == 1:
        name = error.args[0]
    elif isinstance(error, AttributeError):
        kind, name = "attribute", error.name
    if type(name) is not str or not re.fullmatch(_FIELD_NAME, name, re.ASCII):
        return None
    is_written = name in EVENT_FIELDS or any(
        name in _names_in(frame.f_code) for frame, _line in walk_tb(error.__traceback__)
    )
    return f"missing {kind} {name!r}" if is_written else None


def _names_in(code: CodeType) -> set[str]:
    """Return the texts and the names of attributes in the source code of a function."""
    return {*code.co_names, *_texts_in(code.co_consts)}


def _texts_in(constants: tuple[object, ...] | frozenset[object]) -> Iterator[str]:
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple | frozenset):
            yield from _texts_in(constant)
