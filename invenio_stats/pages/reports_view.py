"""Answer with the page of COUNTER reports, or with the report that was chosen in it."""

import logging
from datetime import datetime, timezone
from functools import partial

from flask import Response, abort, current_app, make_response, request
from flask_babel import gettext as _
from invenio_search import current_search_client
from invenio_search.engine import search

from invenio_stats.broker.transports.drivers import failure_types
from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.customers import THE_WORLD
from invenio_stats.counter.api.answers import send_file, send_written
from invenio_stats.counter.months import fetch_months
from invenio_stats.counter.reports.formats import MEDIA_TYPES, suggest_file_name
from invenio_stats.counter.reports.report import build_report, count_documents
from invenio_stats.counter.reports.xlsx import SHEET_ROWS, check_rows
from invenio_stats.counter.service.large_reports import QUEUED, WantedReport, fetch_or_queue, write_report
from invenio_stats.counter.service.report_files import is_compressed
from invenio_stats.errors import MissingItemsError, TooManyRowsError
from invenio_stats.exports import xlsx
from invenio_stats.pages import reports
from invenio_stats.pages.rendering import render_page
from invenio_stats.pages.report_request import Offer, permitted_customers, read_asked, read_given
from invenio_stats.pages.tables import Notice
from invenio_stats.permissions import AdministratorPermission, user_id
from invenio_stats.privacy.error_texts import without_text
from invenio_stats.proxies import current_stats
from invenio_stats.views.caching import NOT_KEPT, Caching, find_cache_control, with_caching

RETRY_SECONDS = 60
"""After which a client may ask again for a report that is being made."""

logger = logging.getLogger(__name__)


def show_reports() -> Response:
    """Return the page; the file if `format` is given; 400 with the form if something is wrong, 202 if it is large."""
    try:
        return _show(datetime.now(timezone.utc))
    except (search.exceptions.TransportError, MissingItemsError, *failure_types()) as error:
        logger.error("The page of COUNTER reports could not answer", exc_info=without_text(error))
        return _answer_notice(reports.not_available(), 503)


def _show(now: datetime) -> Response:
    given = read_given(dict(request.args.lists()))
    customer_id = given.get("customer", [THE_WORLD])[0]
    if not _may_have(customer_id):
        return _answer_notice(reports.not_permitted(), 401 if user_id() is None else 403)
    offer = _make_offer(customer_id, now)
    if not offer.months:
        return _answer(reports.build_empty_page(), 400 if given else 200)
    asked = read_asked(given, offer)
    if asked.request is not None and asked.media is not None:
        try:
            return _send(WantedReport(asked.request, (), asked.media), offer, now)
        except TooManyRowsError:
            asked = asked._replace(errors={"format": reports.too_many_rows(SHEET_ROWS)})
    return _answer(reports.build_page(asked, offer), 400 if asked.errors else 200)


def _may_have(customer_id: str) -> bool:
    permission = current_stats.counter_permission_factory(customer_id=customer_id)
    return permission is None or bool(permission.can())


def _make_offer(customer_id: str, now: datetime) -> Offer:
    """Return what the form offers: customers to administrators, to others the one that the address names."""
    platform = current_stats.counter_platform
    if platform is None:  # the settings were taken back after the start
        abort(404)
    is_administrator = AdministratorPermission.can()
    names = {customer.customer_id: customer.name for customer in current_stats.customers.by_id.values()}
    chosen = {known: name for known, name in names.items() if is_administrator or known == customer_id}
    return Offer(
        platform,
        fetch_months(current_search_client, now.date()),
        permitted_customers(chosen, _may_have),
        [media for media in reports.FORMATS if media != "xlsx" or xlsx.is_available()],
        platform.has_countries and is_administrator,
    )


def _send(wanted: WantedReport, offer: Offer, now: datetime) -> Response:
    """Return the file, made at once or by a task; a notice until the task is done."""
    client = current_search_client
    if count_documents(client, wanted.request, now) <= int(current_app.config["STATS_COUNTER_INLINE_ROWS"]):
        return _as_file(send_written(partial(write_report, client, wanted, now)), wanted)
    from invenio_stats.tasks import make_counter_report  # which imports what only workers need

    if wanted.media == "xlsx":
        check_rows(build_report(client, wanted.request, now))
    found = fetch_or_queue(client, wanted, offer.months, now, make_counter_report.delay)
    if not isinstance(found, CounterException):
        return _as_file(send_file(found, is_compressed(wanted.media)), wanted)
    if found != QUEUED:
        return _answer_notice(reports.not_available(), found.status)
    return _answer_notice(reports.being_made(), found.status)


def _as_file(response: Response, wanted: WantedReport) -> Response:
    response.content_type = MEDIA_TYPES[wanted.media]
    name = suggest_file_name(wanted.request, wanted.media)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return with_caching(response, Caching(None, NOT_KEPT))


def _answer(page: reports.ReportsPage, status: int) -> Response:
    html = render_page("reports", _("COUNTER reports"), page=page, is_indexed=not request.args)
    kept = NOT_KEPT if status >= 400 else find_cache_control(is_public=False)
    return with_caching(make_response(html, status), Caching(None, kept))


def _answer_notice(notice: Notice, status: int) -> Response:
    response = make_response(render_page("notice", _("COUNTER reports"), notice=notice, is_indexed=False), status)
    if status in (202, 503):
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return with_caching(response, Caching(None, NOT_KEPT))
