"""Decide whether a request to the COUNTER API is answered: its credentials, its rate, then its dates.

Several exceptions may apply to a request; its answer has the one with the lowest code.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from invenio_stats.core.counter_dates import read_months
from invenio_stats.core.counter_exceptions import KINDS, CounterException, merge
from invenio_stats.core.counter_requestors import Requestor
from invenio_stats.core.customers import Customer
from invenio_stats.counter.service.rate_limit import count_request
from invenio_stats.counter.service.requestors import KnownRequestors

MAX_DATA_CHARACTERS = 200
"""Of an exception that quotes what was sent."""

NO_NAME = "(no name)"
"""Data of an exception about a parameter whose name is empty."""

CREDENTIALS = ("customer_id", "requestor_id", "api_key")
DATES = ("begin_date", "end_date")

Given = Mapping[str, Sequence[str]]
"""The values of each parameter of a request, in their order."""


class Access(NamedTuple):
    """What the credentials of a request say."""

    requestor: Requestor | None
    """The one who asks; None if it is not known."""
    customer_id: str
    problems: tuple[CounterException, ...] = ()
    """Exceptions instead of an answer."""
    retry_after: int | None = None
    """Seconds until the requestor may ask again, if it asks too often."""

    @property
    def has_countries(self) -> bool:
        """Whether Country_Code may be shown."""
        return self.requestor is not None and self.requestor.has_countries


def check_access(given: Given, requestors: KnownRequestors, customers: Mapping[str, Customer]) -> Access:
    """Return who asks for which customer, and what is wrong with that; the request is counted if the asker is known."""
    access = check_credentials(given, requestors, customers)
    excess = count_request(access.requestor.id) if access.requestor is not None else None
    if excess is None:
        return access
    too_many = CounterException(1020, excess.limit)
    return access._replace(problems=(*access.problems, too_many), retry_after=excess.seconds)


def check_credentials(given: Given, requestors: KnownRequestors, customers: Mapping[str, Customer]) -> Access:
    """Return who asks for which customer, and what is wrong with that.

    A parameter that is repeated with another value has none that is right; an empty one is missing.
    """
    customer_id, requestor_id, api_key = (_values(given, name) for name in CREDENTIALS)
    problems = []
    if not customer_id or not (requestor_id or api_key):
        problems.append(CounterException(1030, _missing(customer_id, requestor_id or api_key)))
    by_id = requestors.find_by_requestor_id(requestor_id[0]) if len(requestor_id) == 1 else None
    by_key = requestors.find_by_api_key(api_key[0]) if len(api_key) == 1 else None
    if requestor_id and by_id is None:
        problems.append(CounterException(2000))
    if api_key and (by_key is None or by_id not in (None, by_key)):
        problems.append(CounterException(2020))
    requestor = by_id or by_key
    if requestor is not None and customer_id:
        is_permitted = len(customer_id) == 1 and requestor.may_ask(customer_id[0], customers)
        problems += [] if is_permitted else [CounterException(2010)]
    return Access(requestor, customer_id[0] if customer_id else "", tuple(problems))


def check_dates(given: Given, today: date) -> tuple[str, str] | CounterException:
    """Return the first and last month that are asked for, or what is wrong with the dates."""
    begin, end = (_values(given, name) for name in DATES)
    if not begin or not end:
        missing = [name for name, values in zip(DATES, (begin, end), strict=True) if not values]
        return CounterException(1030, f"Missing: {', '.join(missing)}")
    if len(begin) > 1 or len(end) > 1:
        return CounterException(3020, "A date is given more than once.")
    try:
        return read_months(begin[0], end[0], today)
    except ValueError as error:
        return CounterException(3020, str(error))


def report_parameters(given: Given) -> dict[str, str]:
    """Return the filters and attributes of a request by name.

    One that is repeated with another value is empty, as no value of it is right; COUNTER has lists for several.
    """
    names = [name for name in given if name not in (*CREDENTIALS, *DATES)]
    return {name: values[0] if len(values := _different(given[name])) == 1 else "" for name in names}


def make_readable(problems: Iterable[CounterException]) -> list[CounterException]:
    """Return exceptions that quote what was sent: shortened, and without control characters."""
    return [
        CounterException(code, _readable(data) or (NO_NAME if KINDS[code].needs_data else ""))
        for code, data in problems
    ]


def _readable(data: str) -> str:
    printable = (character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in data)
    return "".join(printable)[:MAX_DATA_CHARACTERS].strip()


def choose(problems: Sequence[CounterException]) -> CounterException:
    """Return the exception that is the answer: the lowest code, with the data of all of that code."""
    return merge(problems)[0]


def _values(given: Given, name: str) -> list[str]:
    """Return the different values of a parameter that are not empty."""
    return _different(value for value in given.get(name, ()) if value)


def _different(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _missing(customer_id: Sequence[str], key: Sequence[str]) -> str:
    missing = [*([] if customer_id else ["customer_id"]), *([] if key else ["requestor_id or api_key"])]
    return f"Missing: {', '.join(missing)}"
