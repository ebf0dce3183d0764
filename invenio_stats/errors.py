"""Errors: all of ours, each with the place, the value and the cure in its text."""

from collections.abc import Sequence
from types import TracebackType

from flask_babel import gettext as _
from invenio_rest.errors import RESTException


def without_text(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """Return an exception as `exc_info` for a log: its type and where it was raised, without its text.

    Texts of exceptions quote values, and in a request and on the queue values may name a person.
    """
    withheld = type(type(error).__name__, (Exception,), {})("(text withheld: it may name somebody)")
    return type(withheld), withheld, error.__traceback__


class StatsError(Exception):
    """Something in statistics went wrong; the root of all errors here."""


class ConfigurationError(StatsError, ValueError):
    """A STATS_* setting cannot work; raised when the application starts."""


class UnknownTypeError(StatsError):
    """A task was asked for an event type or aggregation that the configuration does not have."""

    def __init__(self, name: object, setting: str):
        """Name what is not there, and where it would have to be."""
        super().__init__(f"{name!r} is not in {setting}. Correct the name where the task is scheduled, or add it.")


class PersonalDataError(StatsError):
    """An event came out of its preprocessors with an address or agent; it goes to the dead letters, pseudonymized."""

    def __init__(self, index: str):
        """Name the index that it was for."""
        super().__init__(f"An event for {index} still names somebody. Put anonymize_user into its preprocessors.")


class EventsRefusedError(StatsError):
    """The broker is away and the spool cannot take events either; they are not counted."""

    def __init__(self, count: int, reason: str):
        """Say how many, and why."""
        self.count = count
        super().__init__(f"{count} events are refused: the broker is away and {reason}. See `invenio stats status`.")


class SpoolVersionError(StatsError, OSError):
    """The spool's file is one of a newer release; nothing in it is touched."""

    def __init__(self, path: str, version: int):
        """Name the file."""
        super().__init__(
            f"the spool {path} is of a newer release (its user_version is {version}): install that release again, "
            "let it send the spool, or set STATS_SPOOL_DIR to another folder"
        )


class EngineUnavailableError(StatsError):
    """The search engine cannot take events for now; they stay on the queue."""


class CompactionAtWorkError(EngineUnavailableError):
    """The days of a month are being compacted into one index; late events of the month wait until that is done."""

    def __init__(self, month: str):
        """Name the month."""
        super().__init__(
            f"The days of {month} are being made one index. Its events wait until that is done; if it was "
            "interrupted, run `invenio stats indices compact` again."
        )


class LeaseLostError(StatsError):
    """A run of an aggregation was given up: for want of a sign of life, or since its totals were deleted."""

    def __init__(self, name: str):
        """Name the aggregation."""
        super().__init__(
            f"A run of {name!r} stood still for so long that others took its work, or its totals were deleted "
            "meanwhile. The next run does the rest; if it happens again, raise STATS_LEASE_SECONDS."
        )


class ClosedIndexError(StatsError):
    """An index of raw events is closed: totals would be counted without its events, and become smaller."""

    def __init__(self, name: str, indices: Sequence[str]):
        """Name the aggregation and the indices."""
        super().__init__(
            f"{name!r} cannot be counted: closed indices hide raw events ({', '.join(indices)}). Open them; "
            "where their events are not wanted any more, take them out of the alias of the events."
        )


class CompactionError(StatsError):
    """The days of a month cannot be made one index; the text says why. Nothing is lost: the days stay."""


class ArchiveError(StatsError):
    """A directory cannot be exported to, or does not hold an export that can be imported."""


class RebuildError(StatsError):
    """Totals are not made anew: their events are not all there, or their aggregation counts in a way of its own."""


class InvalidRequestInputError(StatsError, RESTException):
    """A question to the REST API cannot be understood (400)."""

    code = 400

    def __init__(self, description: str, **kwargs):
        """Say what is wrong, with the parameter and its value."""
        RESTException.__init__(self, **kwargs)
        self.description = description


class UnknownQueryError(InvalidRequestInputError):
    """No such query in STATS_QUERIES (400)."""

    def __init__(self, query_name: object):
        """Name the query that is not there."""
        self.query_name = query_name
        name = str(query_name)[:80]
        super().__init__(_("Unknown query '%(name)s'. Ask for one that STATS_QUERIES lists.", name=name))


class NotPermittedError(StatsError, RESTException):
    """The current user may not ask this: 401 for anonymous ones, else 403."""

    def __init__(self, code: int, description: str, **kwargs):
        """Say what is not permitted."""
        RESTException.__init__(self, **kwargs)
        self.code, self.description = code, description


class NoAnswerError(StatsError, RESTException):
    """The search engine gave no answer: 503 when asking later may help, else 500. The log says why."""

    def __init__(self, code: int, description: str, **kwargs):
        """Say what could not be answered, and nothing of the inside."""
        RESTException.__init__(self, **kwargs)
        self.code, self.description = code, description
