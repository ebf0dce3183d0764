"""The exceptions of COUNTER Release 5.1: code, message and HTTP status, as its table has them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class _Kind(NamedTuple):
    message: str
    status: int
    needs_data: bool = False


KINDS: Mapping[int, _Kind] = {
    1000: _Kind("Service Not Available", 503),
    1010: _Kind("Service Busy", 503),
    1011: _Kind("Report Queued for Processing", 202),
    1020: _Kind("Client has made too many requests", 429, True),
    1030: _Kind("Insufficient Information to Process Request", 400),
    2000: _Kind("Requestor Not Authorized to Access Service", 401),
    2010: _Kind("Requestor is Not Authorized to Access Usage for Institution", 403),
    2011: _Kind("Global Reports Not Supported", 403),
    2020: _Kind("APIKey Invalid", 401),
    3020: _Kind("Invalid Date Arguments", 400),
    3030: _Kind("No Usage Available for Requested Dates", 200),
    3031: _Kind("Usage Not Ready for Requested Dates", 200, True),
    3032: _Kind("Usage No Longer Available for Requested Dates", 200, True),
    3040: _Kind("Partial Data Returned", 200, True),
    3050: _Kind("Parameter Not Recognized in this Context", 200, True),
    3060: _Kind("Invalid ReportFilter Value", 200, True),
    3061: _Kind("Incongruous ReportFilter Value", 200),
    3062: _Kind("Invalid ReportAttribute Value", 200, True),
    3063: _Kind("Components Not Supported", 200),
}
"""By code: the message word for word, the HTTP status, and whether the exception has to have `Data`."""


class CounterException(NamedTuple):
    """One exception: the whole answer if its status is not 200, else one of the list in a report's header."""

    code: int
    data: str = ""

    @property
    def status(self) -> int:
        """Its HTTP status."""
        return KINDS[self.code].status

    @property
    def message(self) -> str:
        """Its message, word for word."""
        return KINDS[self.code].message

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {"Code": self.code, "Message": self.message, **({"Data": self.data} if self.data else {})}

    def as_text(self) -> str:
        """Return the form in tables: `3031: Usage Not Ready for Requested Dates (data)`."""
        return f"{self.code}: {self.message}" + (f" ({self.data})" if self.data else "")


def merge(exceptions: Iterable[CounterException]) -> list[CounterException]:
    """Return one exception for each code, by ascending code; the data of several are joined by '; '."""
    data: dict[int, list[str]] = {}
    for code, text in sorted(exceptions, key=lambda exception: exception.code):
        texts = data.setdefault(code, [])
        if text and text not in texts:
            texts.append(text)
    return [CounterException(code, "; ".join(texts)) for code, texts in data.items()]
