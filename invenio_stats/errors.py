"""Define all errors of the package; their texts name the place, the value and the cure."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from invenio_rest.errors import RESTException


class StatsError(Exception):
    """Base class of all errors of the package; they can be pickled, as process pools and Celery do."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with `args`, that is with the finished text instead of its parts.
        return _restore, (type(self), self.args), vars(self)


class ConfigurationError(StatsError, ValueError):
    """A STATS_* setting is invalid; raised when the application starts."""


class UnknownTypeError(StatsError):
    """A task was called for an event type or aggregation that is not configured."""

    def __init__(self, name: object, setting: str):
        """Take the unknown name, and the setting that does not have it."""
        super().__init__(f"{name!r} is not in {setting}. Correct the name where the task is scheduled, or add it.")


class PersonalDataError(StatsError):
    """An event still had personal data after its preprocessors; it is pseudonymized and dead-lettered."""

    def __init__(self, index: str):
        """Take the name of the index for which the event was meant."""
        super().__init__(
            f"An event for {index} still contains personal data. Put anonymize_user into its preprocessors."
        )


class EventsRefusedError(StatsError):
    """The broker is not available and the spool cannot store the events either, so they are not counted."""

    def __init__(self, count: int, reason: str):
        """Take the number of refused events, and the reason why the spool did not store them."""
        self.count = count
        super().__init__(
            f"{count} events are refused: the broker is not available and {reason}. See `invenio stats status`."
        )


class SpoolVersionError(StatsError, OSError):
    """The spool's file is one of a newer release; nothing in it is touched."""

    def __init__(self, path: str, version: int):
        """Name the file."""
        super().__init__(
            f"the spool {path} is of a newer release (its user_version is {version}): install that release again, "
            "let it send the spool, or set STATS_SPOOL_DIR to another folder"
        )


class EngineUnavailableError(StatsError):
    """The search engine cannot store events at the moment; they stay on the queue."""


class CompactionAtWorkError(EngineUnavailableError):
    """The days of a month are being compacted into one index; late events of the month wait until that is done."""

    def __init__(self, month: str):
        """Name the month."""
        super().__init__(
            f"The days of {month} are being made one index. Its events wait until that is done; if it was "
            "interrupted, run `invenio stats indices compact` again."
        )


class LeaseLostError(StatsError):
    """A run of an aggregation lost its lease: it sent no heartbeat in time, or its totals were deleted."""

    def __init__(self, name: str):
        """Take the name of the aggregation."""
        super().__init__(
            f"A run of {name!r} sent no heartbeat for so long that other runs took its intervals, or its totals were "
            "deleted meanwhile. The next run does the rest; if it happens again, raise STATS_LEASE_SECONDS."
        )


class ClosedIndexError(StatsError):
    """An index is closed: totals would be counted without its events and become too small, or cannot be compared."""

    def __init__(self, name: str, indices: Sequence[str]):
        """Take the names of the aggregation and of the closed indices."""
        super().__init__(
            f"{name!r} cannot be counted: closed indices hide raw events or totals ({', '.join(indices)}). Open them, "
            "or remove them from their alias if they are no longer needed."
        )


class ForeignTotalError(StatsError):
    """A total of another aggregation lies where one has to be written; it is left alone, and this one fails."""

    def __init__(self, index: str, field: str):
        """Name the index, and the field that the aggregation counts by."""
        super().__init__(
            f"A total in {index} is of another aggregation: it has another {field!r}. `invenio stats doctor` names the "
            "two; give one of them another interval or an index of its own."
        )


class UnreadableTotalError(StatsError):
    """The index of a stored total is closed or blocked; the total is counted again by each run until it can be read."""

    def __init__(self, reason: str):
        """Take the type of the search engine's error."""
        self.reason = reason
        super().__init__(f"The search engine cannot read a document: {reason}. Open the index, or lift its block.")


class FieldNotCountableError(StatsError):
    """An aggregation counts by a field that its events do not map, or map so that it fails; its bookmark stays."""

    def __init__(self, name: str, field: str, events: str, how: str):
        """Name the aggregation, the field, the alias of its events, and how these map the field."""
        super().__init__(
            f"STATS_AGGREGATIONS[{name!r}]: the events behind {events} map the field {field!r} {how}. Correct 'field', "
            "or add it as a keyword to the index templates of the event type and run `invenio index init`."
        )


class CompactionError(StatsError):
    """A month cannot be compacted, for the reason in the text. No event is lost: the indices of its days stay."""


class RepairError(StatsError):
    """An index of totals cannot be given its right mapping; it is as it was."""


class ArchiveError(StatsError):
    """A directory cannot be exported to, or does not contain an export that can be imported."""


class ManifestError(ArchiveError):
    """The manifest of an export is invalid, or names what does not belong to this instance; nothing is imported."""


class DepositError(StatsError):
    """A month cannot be deposited with the usage reports service. What the service has stays; the next run goes on."""

    def __init__(self, description: str, status: int | None = None):
        """Take what happened, and the service's status if it has refused a request."""
        self.status = status
        super().__init__(description)


class RebuildError(StatsError):
    """Totals cannot be rebuilt: raw events are missing, or the aggregation overrides how totals are counted."""


class CounterSetupError(StatsError):
    """COUNTER reports need an aggregation that is not configured."""

    def __init__(self, aggregation: str):
        """Take the name of the shipped aggregation."""
        super().__init__(
            f"COUNTER reports need the aggregation {aggregation!r}. Add it to STATS_AGGREGATIONS: it is in "
            "USAGE_AGGREGATIONS of invenio_stats.contrib.config."
        )


class MonthBusyError(StatsError):
    """Another process closes or restates the month; it is not touched by this one."""

    def __init__(self, month: str, seconds: float):
        """Take the month, and after how many seconds without a sign of life the other process counts as dead."""
        super().__init__(
            f"Another process is closing or restating {month}. Let it finish; if it was killed, run the command again "
            f"after {seconds:.0f} seconds (STATS_LEASE_SECONDS)."
        )


class MonthUnfinishedError(StatsError):
    """A month could not be closed or restated. Nothing of it can be seen in reports; the next run begins anew."""


class MonthRefusedError(StatsError):
    """A month may not be closed or restated like that: the command was wrong, and a repetition will fail, too."""


class UnknownCustomerError(StatsError):
    """A COUNTER report is asked for that no customer of STATS_COUNTER_CUSTOMERS has."""

    def __init__(self, customer_id: str):
        """Take the unknown id."""
        super().__init__(
            f"There is no customer {customer_id!r}. Name one of STATS_COUNTER_CUSTOMERS, or 0000000000000000 for all "
            "usage."
        )


class MissingItemsError(StatsError):
    """A COUNTER report would not have all usage of its months: items that were used are not kept any more."""

    def __init__(self, index: str, first: str, last: str):
        """Take the index of items, and the first and last month of the report."""
        super().__init__(
            f"{index} has lost items that were used from {first} to {last}, so that a report would not have all usage. "
            "Open or restore the index, or write it anew: `invenio stats counter restate` of each of these months."
        )


class TooManyRowsError(StatsError):
    """A COUNTER report does not fit into a sheet of Excel; nothing is written."""

    def __init__(self, limit: int):
        """Take the number of rows that a sheet has."""
        super().__init__(f"A sheet of Excel has {limit:,} rows, and the report has more. Ask for TSV.")


class InvalidRequestInputError(StatsError, RESTException):
    """A request to the REST API is invalid (400)."""

    code = 400

    def __init__(self, description: str, **kwargs):
        """Take the description of the error, which names the parameter and its value."""
        RESTException.__init__(self, **kwargs)
        self.description = description


class InvalidDateError(InvalidRequestInputError, ValueError):
    """A date of a question cannot be read (400); a ValueError too, for whoever runs a query in Python."""


class RequestTooLargeError(InvalidRequestInputError):
    """The body of a request to the REST API is longer than STATS_QUERY_MAX_BODY_BYTES (413)."""

    code = 413


class UnknownQueryError(InvalidRequestInputError):
    """A query is not in STATS_QUERIES (400)."""

    def __init__(self, query_name: object):
        """Take the unknown name of the query."""
        self.query_name = query_name
        name = str(query_name)[:80]
        super().__init__(_("Unknown query '%(name)s'. Ask for one that STATS_QUERIES lists.", name=name))


class NotPermittedError(StatsError, RESTException):
    """The current user has no permission for a query: 401 for anonymous users, otherwise 403."""

    def __init__(self, code: int, description: str, **kwargs):
        """Take the status code, and the description of what is not permitted."""
        RESTException.__init__(self, **kwargs)
        self.code, self.description = code, description


class NotFoundError(StatsError, RESTException):
    """The record, community or user of a question does not exist, or the asker may not know that it does (404)."""

    code = 404

    def __init__(self, **kwargs):
        """Take nothing: whatever the reason is, the answer is the same."""
        RESTException.__init__(self, **kwargs)
        self.description = _("There is no such record, community or user.")


class NoAnswerError(StatsError, RESTException):
    """The search engine did not answer a query: 503 if it may do so later, otherwise 500. The log has the cause."""

    def __init__(self, code: int, description: str, **kwargs):
        """Take the status code, and a description without internal details."""
        RESTException.__init__(self, **kwargs)
        self.code, self.description = code, description


def _restore(error_type: type[StatsError], args: tuple[Any, ...]) -> StatsError:
    """Return an error as it was, without calling `__init__`; its attributes are set by the caller, pickle or copy."""
    error = error_type.__new__(error_type, *args)
    error.args = args  # OSError leaves this to its `__init__`
    return error
