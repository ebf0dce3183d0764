"""Serve the pages: read the address, check permission, and show the page or what stands in place of it."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from typing import Any, NamedTuple

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    make_response,
    redirect,
    request,
    url_for,
)
from flask_babel import gettext as _

from invenio_stats.core import periods
from invenio_stats.core.periods import Days
from invenio_stats.definitions.pages import find_missing_for_pages
from invenio_stats.errors import InvalidRequestInputError, NoAnswerError, NotFoundError, NotPermittedError
from invenio_stats.exports.files import MEDIA_TYPES, formats
from invenio_stats.pages import community, ranked_list, record, repository, user, wording
from invenio_stats.pages.asking import make_request
from invenio_stats.pages.badge import show_badge
from invenio_stats.pages.frame import BLUEPRINT, link_to_log_in, make_form, make_periods
from invenio_stats.pages.page import Asked, Page, Subject
from invenio_stats.pages.parameters import Choice, TooManyIntervalsError, read_choice
from invenio_stats.pages.privacy_view import show_privacy
from invenio_stats.pages.quality_view import show_quality
from invenio_stats.pages.rendering import render_page
from invenio_stats.pages.tables import Link, Notice, link_to_file
from invenio_stats.pages.widget import record_stats
from invenio_stats.permissions import user_id
from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import (
    QueryRequest,
    answer_or_explain,
    check_permissions,
    find_queries,
    within_budget,
)
from invenio_stats.queries.parameters import quote
from invenio_stats.queries.states import hourly_state, revision_state
from invenio_stats.queries.usage.parameters import read_parameters
from invenio_stats.views.caching import NOT_KEPT, Caching, find_cache_control, keep_no_error, make_etag, with_caching

RETRY_SECONDS = 120
"""After which a client may ask again if the search engine did not answer."""
PRIVACY = "privacy"
"""End point of the only page that needs no numbers."""
NO_CACHING = Caching(None, NOT_KEPT)


class Kind(NamedTuple):
    """A kind of page."""

    find: Callable[..., Subject]
    """Returns what the page is about, from the parts of its address."""
    build: Callable[[Asked], Page]
    template: str


KINDS = {
    "repository": ("/", Kind(repository.read_subject, repository.build_page, "repository")),
    "record": ("/records/<record>", Kind(record.read_subject, record.build_page, "record")),
    "community": ("/communities/<community>", Kind(community.read_subject, community.build_page, "community")),
    "me": ("/me", Kind(user.read_own_subject, user.build_page, "user")),
    "user": ("/users/<user>", Kind(user.read_subject, user.build_page, "user")),
    "ranked_list": ("/lists/<name>", Kind(ranked_list.read_subject, ranked_list.build_page, "ranked_list")),
}
"""By end point: the address, and the kind of page."""


def create_blueprint(app: Flask) -> Blueprint:
    """Return the blueprint of the pages; without any address if STATS_PAGES_ENABLED is False.

    Templates have `record_stats` in either case, which then shows nothing.
    """
    if not app.config.get("STATS_PAGES_ENABLED"):
        blueprint = Blueprint(BLUEPRINT, __name__)
        blueprint.add_app_template_global(record_stats)
        return blueprint
    prefix = app.config["STATS_PAGES_URL_PREFIX"]
    blueprint = Blueprint(
        BLUEPRINT, __name__, template_folder="templates", static_folder="static", url_prefix=f"/{prefix.strip('/')}"
    )
    blueprint.add_app_template_global(record_stats)
    blueprint.before_request(_check_configured)
    blueprint.after_request(keep_no_error)
    blueprint.add_url_rule("/quality", "quality", show_quality)
    blueprint.add_url_rule("/privacy", PRIVACY, show_privacy, methods=["GET", "POST"])
    _exempt_from_tokens(app, show_privacy)
    blueprint.add_url_rule("/badge/<record>.svg", "badge", show_badge)
    if any(app.config.get(f"STATS_COUNTER_{name}") is not None for name in ("PLATFORM", "PLATFORM_ID")):
        from invenio_stats.pages.reports_view import show_reports  # only where there are COUNTER reports

        blueprint.add_url_rule("/reports", "reports", show_reports)
    for endpoint, (rule, kind) in KINDS.items():
        blueprint.add_url_rule(rule, endpoint, _make_view(kind))
    return blueprint


def _exempt_from_tokens(app: Flask, view: Callable[..., Response]) -> None:
    """Take a view out of the check of invenio-rest, whose token only a script could send; it checks by itself."""
    exempt = getattr(app.extensions.get("invenio-csrf"), "exempt", None)
    if exempt is not None:
        exempt(view)


def _check_configured() -> None:
    if request.endpoint == f"{BLUEPRINT}.{PRIVACY}":
        return  # who does not want to be counted need not wait for the pages
    if find_missing_for_pages(current_stats.event_definitions, current_stats.aggregations, current_stats.queries):
        abort(404)


def _make_view(kind: Kind) -> Callable[..., Response]:
    def view(**values: str) -> Response:
        try:
            subject = kind.find(**values)
            return _show(kind, subject)
        except NotFoundError:
            abort(404)
        except NotPermittedError as error:
            return _refuse(error.code)

    return view


def _show(kind: Kind, subject: Subject) -> Response:
    now = datetime.now(timezone.utc)
    address = url_for(request.endpoint, **(request.view_args or {}))
    (entry,) = find_queries([QueryRequest("page", subject.query, dict(subject.params))])
    for_everybody = check_permissions([entry])
    try:
        choice = _read_choice(address, subject, now.date())
        asked = Asked(subject, choice, now)
        media = _choose_format()
        if media != "html":
            found = make_request("file", subject.file, {**asked.params(), "by": choice.given.get("by")})
            return _vary(redirect(link_to_file(found.name, {**found.params, "format": media})))
        caching = _find_caching(entry, subject, for_everybody, now)
        if caching.is_known():
            return with_caching(Response(status=304), caching)
        page = kind.build(asked)
        caching = _narrow_caching(caching, page)
    except InvalidRequestInputError as error:
        return _explain(address, subject, error, now.date())
    except NoAnswerError as error:
        return _apologize(subject, error.code)
    return with_caching(make_response(_render(kind.template, subject, page=page)), caching)


def _read_choice(address: str, subject: Subject, today: date) -> Choice:
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise InvalidRequestInputError(_("%(name)s is given more than once.", name=quote(repeated[0])))
    return read_choice(address, request.args, subject.accepted, today, others=tuple(subject.params))


def _choose_format() -> str:
    known = ["html", *formats()]
    given = request.args.get("format")
    if given is None:
        media = {"html": "text/html", **MEDIA_TYPES}
        best = request.accept_mimetypes.best_match([media[name] for name in known], "text/html")
        return next(name for name in known if media[name] == best)
    if given not in known:
        raise InvalidRequestInputError(
            _("format is %(value)s. Use one of: %(known)s.", value=quote(given), known=", ".join(known))
        )
    return given


def _find_caching(entry: QueryRequest, subject: Subject, for_everybody: bool, now: datetime) -> Caching:
    """Return the headers for caches; asks the search engine for the revision at most."""
    if subject.names_people:
        return NO_CACHING
    with within_budget([entry.name]) as budget:
        state = answer_or_explain(entry, lambda: revision_state(now, hourly_state(now)), budget)
    return Caching(make_etag("page", request.full_path, state), find_cache_control(for_everybody))


def _narrow_caching(caching: Caching, page: Page) -> Caching:
    """Return the headers that a page may have: one without all of its parts is not kept, since they may be back."""
    if page.answers is None or not page.answers.are_whole:
        return NO_CACHING
    if caching == NO_CACHING or page.answers.are_for_everybody():
        return caching
    return caching._replace(cache_control=find_cache_control(is_public=False))


def _explain(address: str, subject: Subject, error: InvalidRequestInputError, today: date) -> Response:
    """Return the answer to a question that cannot be answered: what is wrong, and the form as it was filled."""
    given = {name: value for name, value in request.args.items() if value and name != "format"}
    defaults = read_parameters(subject.accepted._replace(scope="repository"), {}, today)
    # What is wrong by itself would make all links and the form lead here again.
    kept = {name: value for name, value in given.items() if _is_choice(address, subject, {name: value}, today)}
    choice = Choice(address, kept, defaults, subject.accepted.period)
    first, last = (_read_end(given.get(name, ""), name == "to") for name in ("from", "to"))
    form = make_form(choice, first, last, given.get("interval", "month"), today)
    notice = Notice(_("This question has no answer."), str(error.description))
    if isinstance(error, TooManyIntervalsError):
        notice = notice._replace(link=Link(_("Use the longer interval"), choice.link(interval=error.longer)))
    elif _is_day(first) and _is_day(last) and first > last:
        link = Link(_("Swap them"), choice.link(first_day=given["to"], to=given["from"], period=None))
        ends = Days(*map(date.fromisoformat, (first, last)))
        text = _("You asked for %(first)s to %(last)s.", **wording.write_range(ends))
        notice = Notice(_("“From” is after “To”."), text, link)
    page = Page(kicker="", lead=(), basis=(), choice=choice, notices=[notice], form=form)
    return with_caching(make_response(_render("page", subject, page=page), 400), NO_CACHING)


def _is_choice(address: str, subject: Subject, given: Mapping[str, str], today: date) -> bool:
    try:
        read_choice(address, given, subject.accepted, today, others=tuple(subject.params))
        return True
    except InvalidRequestInputError:
        return False


def _read_end(text: str, is_last: bool) -> str:
    """Return a date as a field of a form takes it; a text that is none as it is."""
    try:
        days = periods.parse_days(text)
    except ValueError:
        return text
    return (days.last if is_last else days.first).isoformat()


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def _apologize(subject: Subject, code: int) -> Response:
    text = _("Nothing is lost; counting goes on. Please try again in some minutes.")
    notice = Notice(_("The numbers cannot be read at the moment."), text)
    response = make_response(_render("notice", subject, notice=notice), code)
    if code == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return with_caching(response, NO_CACHING)


def _refuse(code: int) -> Response:
    text = _("Log in if you are one of them.") if user_id() is None else ""
    title = _("These numbers are for the uploader and for managers.")
    notice = Notice(title, text, link_to_log_in(), is_plain=True)
    return with_caching(make_response(_render("notice", None, notice=notice), code), NO_CACHING)


def _render(template: str, subject: Subject | None, **context: Any) -> str:
    page = context.get("page")
    return render_page(
        template,
        subject.title if subject else _("Statistics"),
        periods=make_periods(page.choice) if page else (),
        is_indexed=page is not None and not request.args and page.lead,
        **context,
    )


def _vary(response: Any) -> Response:
    return with_caching(response, Caching(None, "private, max-age=0, must-revalidate"))
