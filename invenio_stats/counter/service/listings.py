"""Build the answers of the COUNTER API that are no reports: its status, a customer's members, the list of reports."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from invenio_stats.core.counter_months import Month
from invenio_stats.core.counter_platform import Platform
from invenio_stats.core.counter_reports import RELEASE, REPORTS
from invenio_stats.core.customers import Customers
from invenio_stats.core.moments import iso, parse, to_second
from invenio_stats.counter.reports.customers import find_institution

ALERT_DAYS = 92
"""For how long a restatement is an alert: three months."""

Listing = list[dict[str, Any]]


def build_status(platform: Platform, months: Mapping[str, Month] | None, now: datetime) -> Listing:
    """Return the answer of /status; `months` is None if they cannot be read, and reports neither."""
    status: dict[str, Any] = {
        "Description": f"COUNTER reports of {platform.name}",
        "Service_Active": months is not None,
    }
    if platform.registry_record:
        status["Registry_Record"] = platform.registry_record
    alerts = [
        {"Date_Time": _stamp(change["at"]), "Alert": f"Usage of {month.month} was restated: {change['reason']}"}
        for month in (months or {}).values()
        for change in month.log
        if change["revision"] > 1 and now - parse(change["at"]) <= timedelta(days=ALERT_DAYS)
    ]
    if alerts:
        status["Alerts"] = sorted(alerts, key=lambda alert: (alert["Date_Time"], alert["Alert"]), reverse=True)
    return [status]


def build_members(platform: Platform, customer_id: str, customers: Customers) -> Listing:
    """Return the answer of /members: the members of a customer, or itself if it has none."""
    customer = customers.by_id.get(customer_id)
    ids = customer.members if customer is not None and customer.members else (customer_id,)
    found = ((member, find_institution(customers, member, platform)) for member in ids)
    return [
        {
            "Institution_Name": institution.name,
            "Customer_ID": member,
            "Institution_ID": dict(institution.identifiers),
        }
        for member, institution in found
        if institution is not None
    ]


def build_reports(months: Mapping[str, Month], has_details: bool) -> Listing:
    """Return the answer of /reports, the same for each customer; [] before the first month is closed."""
    if not months:
        return []
    first, last = min(months), max(months)
    about: dict[str, Any] = {"First_Month_Available": first, "Last_Month_Available": last}
    if has_details:
        about["Month_Details"] = dict(_details(months))
    return [
        {
            "Report_Name": kind.name,
            "Report_ID": kind.report_id,
            "Release": RELEASE,
            "Report_Description": kind.description,
            "Path": f"/r51/reports/{kind.report_id.lower()}",
            **about,
        }
        for kind in REPORTS.values()
    ]


def _details(months: Mapping[str, Month]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the last change of each month, the newest month first."""
    for name in sorted(months, reverse=True):
        month = months[name]
        details = {"Last_Change_Date": _stamp(month.changed)}
        note = next((change["reason"] for change in reversed(month.log) if change["revision"] == month.revision), "")
        yield name, details | ({"Last_Change_Note": note} if note and month.revision > 1 else {})


def _stamp(moment: str) -> str:
    """Return a moment as COUNTER writes it: `yyyy-mm-ddThh:mm:ssZ`."""
    return f"{iso(to_second(parse(moment)))}Z"
