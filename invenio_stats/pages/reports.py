"""The page on which a COUNTER report is chosen: what it says of the months, and what stands in its place."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flask import current_app, request
from flask_babel import gettext as _

from invenio_stats.core.counter_months import RESTATED, Month, next_month, parse_month
from invenio_stats.core.moments import parse
from invenio_stats.pages import wording
from invenio_stats.pages.frame import link_to_log_in, link_to_page
from invenio_stats.pages.report_form import Form, build_form
from invenio_stats.pages.report_request import Asked, Offer
from invenio_stats.pages.tables import Link, Notice
from invenio_stats.permissions import user_id

FORMATS = ("tsv", "xlsx", "json")
"""In the order of the form."""


class ReportsPage(NamedTuple):
    """The page as the template shows it."""

    kicker: str
    lead: Sequence[str]
    basis: Sequence[str | Link]
    more_basis: str
    notices: Sequence[Notice]
    form: None = None
    """It has no choice of periods."""
    chooser: Form | None = None
    """None before the first month is closed."""
    api: str = ""
    """Address of the COUNTER API."""


def build_page(asked: Asked, offer: Offer) -> ReportsPage:
    """Return the page with its form."""
    first, last = min(offer.months), max(offer.months)
    ends = {"first": _write(first), "last": _write(last)}
    basis: list[str | Link] = [
        _("Months from %(first)s to %(last)s, in UTC", **ends),
        _("%(month)s is not closed yet", month=_write(next_month(last))),
    ]
    quality = link_to_page("quality")
    if quality:
        basis.append(Link(_("Data quality"), quality))
    notices = [Notice(_("This report cannot be made."), _explain(asked.errors))] if asked.errors else []
    lead = _("Standard reports of Release 5.1, for The World. The last closed month is %(month)s.", month=ends["last"])
    return ReportsPage(
        _("For libraries and consortia"),
        [lead],
        basis,
        _write_restated(offer.months),
        notices,
        chooser=build_form(asked, offer),
        api=_api_address(),
    )


def build_empty_page() -> ReportsPage:
    """Return the page before the first month is closed."""
    notice = Notice(
        _("No month is closed yet."),
        _("The first report can be made some days after the end of a month."),
        is_plain=True,
    )
    lead = [_("Standard reports of Release 5.1, for The World.")]
    return ReportsPage(_("For libraries and consortia"), lead, [], "", [notice], api=_api_address())


def being_made() -> Notice:
    """Return what stands in place of a large report until it is made."""
    return Notice(
        _("Your report is being made."),
        _("It has many lines. The link gives the file as soon as it is ready, mostly in some minutes."),
        Link(_("Get the report"), request.script_root + request.full_path),
        is_plain=True,
    )


def not_permitted() -> Notice:
    """Return what stands in place of the page for whoever may not have the customer's reports."""
    text = _("Log in if you are one of them.") if user_id() is None else ""
    return Notice(_("These reports are for administrators."), text, link_to_log_in(), is_plain=True)


def too_many_rows(limit: int) -> str:
    """Return why a report cannot be an Excel file."""
    count = wording.write_number(limit)
    return _("A sheet of Excel has %(limit)s rows, and the report has more. Choose TSV.", limit=count)


def not_available() -> Notice:
    """Return what stands in place of the page, or of a report, for now."""
    return Notice(
        _("The report cannot be made at the moment."), _("Nothing is lost. Please try again in some minutes.")
    )


def _explain(errors: Mapping[str, str]) -> str:
    """Return what is wrong with a parameter that has no field, or where to look."""
    return errors.get("", _("The reasons are in the form."))


def _write_restated(months: Mapping[str, Month]) -> str:
    """Return which months were restated, and when; "" if none was."""
    restated = [
        _(
            "%(month)s on %(day)s",
            month=_write(month.month),
            day=wording.write_day(parse(month.changed).date()),
        )
        for month in months.values()
        if month.state == RESTATED
    ]
    return _("Restated: %(months)s.", months=", ".join(restated)) if restated else ""


def _write(month: str) -> str:
    return wording.write_month(parse_month(month))


def _api_address() -> str:
    """Return the address of the COUNTER API, which may be another application."""
    prefix = str(current_app.config["STATS_COUNTER_API_PREFIX"]).strip("/")
    root = str(current_app.config.get("SITE_API_URL") or f"{request.url_root}api").rstrip("/")
    return "/".join(filter(None, [root, prefix, "r51"]))
