"""Recognise that the database is away or empty, in an application that may have none."""

import sys


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
