"""Check the answers of /reports, /members and /status: by their schemas, and by what these cannot express."""

from collections.abc import Iterator, Mapping
from typing import Any

from invenio_stats.counter.checking.findings import Finding
from invenio_stats.counter.checking.identifiers import check_identifiers
from invenio_stats.counter.checking.reports import check_document


def check_listing(name: str, listing: Any) -> list[Finding]:
    """Return all that is wrong with an answer; `name` is `reports`, `members` or `status`."""
    findings = check_document(name, listing)
    if findings or name == "status":
        return findings
    check_entry = {"reports": _check_offer, "members": check_identifiers}[name]
    return [found for number, entry in enumerate(listing) for found in check_entry(f"[{number}]", entry)]


def _check_offer(where: str, offer: Mapping[str, Any]) -> Iterator[Finding]:
    first, last = offer["First_Month_Available"], offer["Last_Month_Available"]
    if first > last:
        yield Finding("period", where, f"First_Month_Available {first} is after Last_Month_Available {last}")
    months = list(offer.get("Month_Details", ()))
    if months != sorted(months, reverse=True):
        yield Finding("month-order", where, "Month_Details begins with the newest month")
    for month in months:
        if not first <= month <= last:
            yield Finding("outside-period", where, f"Month_Details has {month}, which is not available")
