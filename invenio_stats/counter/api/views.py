"""Answer the requests to the COUNTER API: each with what was asked for, or with one exception."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial, wraps
from typing import Any

from flask import Response, abort, current_app, request
from invenio_search import current_search_client
from werkzeug.exceptions import HTTPException

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.counter_months import Month
from invenio_stats.core.counter_platform import Platform
from invenio_stats.counter.api.answers import answer, refuse, send_file, send_written
from invenio_stats.counter.months import fetch_months
from invenio_stats.counter.reports.filters import as_exceptions, parse_filters
from invenio_stats.counter.reports.report import count_documents
from invenio_stats.counter.service.access import (
    Access,
    Given,
    check_access,
    check_dates,
    choose,
    make_readable,
    report_parameters,
)
from invenio_stats.counter.service.large_reports import WantedReport, fetch_or_queue, write_report
from invenio_stats.counter.service.listings import build_members, build_reports, build_status
from invenio_stats.counter.service.report_files import is_compressed
from invenio_stats.counter.service.requestors import known_requestors
from invenio_stats.privacy.error_texts import describe, without_text
from invenio_stats.proxies import current_stats
from invenio_stats.search.failures import is_overloaded
from invenio_stats.views.caching import NOT_KEPT

logger = logging.getLogger(__name__)

RETRY_SECONDS = 60
"""After which a client may ask again for a report that is being made."""


def _checked(view: Callable[..., Response]) -> Callable[..., Response]:
    """Return the view behind the checks that each request has, and with an exception in place of any error."""

    @wraps(view)
    def answer_or_explain(**values: str) -> Response:
        if not (request.is_secure or current_app.config["STATS_COUNTER_INSECURE"]):
            abort(404)  # whoever sends keys like this learns nothing from the answer
        try:
            response = view(datetime.now(timezone.utc), **values)
        except HTTPException:
            raise
        except Exception as error:  # of the search engine, the broker, the disk
            logger.error(
                "The COUNTER API could not answer", exc_info=without_text(error), extra={"view": view.__name__}
            )
            response = refuse(CounterException(1010 if is_overloaded(error) else 1000))
        response.headers["Cache-Control"] = NOT_KEPT
        return response

    # Else flask-talisman, which invenio-app has, answers plain HTTP with the address, key included, to go on with.
    answer_or_explain.talisman_view_options = {"force_https": False}  # type: ignore[attr-defined]
    return answer_or_explain


def _for_customer(view: Callable[[datetime, Access], Response]) -> Callable[..., Response]:
    """Return the view of a listing behind the checks that each request has, and those of credentials."""

    @_checked
    @wraps(view)
    def answer_if_permitted(now: datetime) -> Response:
        access = _check_access()
        return access if isinstance(access, Response) else view(now, access)

    return answer_if_permitted


@_checked
def serve_status(now: datetime) -> Response:
    """Answer /status, which needs no credentials: whether reports can be had, and which months were restated."""
    months: Mapping[str, Month] | None = None
    try:
        months = fetch_months(current_search_client, now.date())
    except Exception as error:  # of the search engine, without which there is no report
        logger.warning("The COUNTER API is not available", extra={"error": describe(error)})
    return answer(build_status(_platform(), months, now))


@_for_customer
def serve_members(now: datetime, access: Access) -> Response:
    """Answer /members: who belongs to a customer."""
    return answer(build_members(_platform(), access.customer_id, current_stats.customers))


@_for_customer
def serve_reports(now: datetime, access: Access) -> Response:
    """Answer /reports: which reports there are, and of which months."""
    has_details = request.args.get("include_month_details") == "True"
    return answer(build_reports(fetch_months(current_search_client, now.date()), has_details))


@_checked
def serve_report(now: datetime, report: str) -> Response:
    """Answer with a report, or with what is in its way."""
    dates = check_dates(_given(), now.date())
    access = _check_access([dates] if isinstance(dates, CounterException) else [])
    if isinstance(access, Response):
        return access
    wanted = _read_report(report.upper(), dates, access)
    documents = count_documents(current_search_client, wanted.request, now)
    if documents <= int(current_app.config["STATS_COUNTER_INLINE_ROWS"]):
        return send_written(partial(write_report, current_search_client, wanted, now))
    from invenio_stats.tasks import make_counter_report  # which imports what only workers need

    months = fetch_months(current_search_client, now.date())
    found = fetch_or_queue(current_search_client, wanted, months, now, make_counter_report.delay)
    if not isinstance(found, CounterException):
        return send_file(found, is_compressed(wanted.media))
    response = refuse(found)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _read_report(report_id: str, dates: Any, access: Access) -> WantedReport:
    platform = _platform()
    begin, end = dates
    has_countries = platform.has_countries and access.has_countries
    request_, problems = parse_filters(
        report_id, begin, end, access.customer_id, report_parameters(_given()), platform, has_countries
    )
    return WantedReport(request_, tuple(make_readable(as_exceptions(problems))), "json")


def _check_access(problems: Sequence[CounterException] = ()) -> Access | Response:
    """Return who asks; the response if that, or what is given as `problems`, is in the way of an answer."""
    access = check_access(_given(), known_requestors(current_search_client), current_stats.customers.by_id)
    if not access.problems and not problems:
        return access
    response = refuse(choose([*access.problems, *problems]))
    if access.retry_after is not None:
        response.headers["Retry-After"] = str(access.retry_after)
    return response


def _given() -> Given:
    return dict(request.args.lists())


def _platform() -> Platform:
    platform = current_stats.counter_platform
    if platform is None:  # the settings were taken back after the start
        abort(404)
    return platform
