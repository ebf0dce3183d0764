"""Answer with the page about privacy, and keep the choice that its form sends."""

from flask import Response, abort, current_app, make_response, redirect, request, url_for
from flask_babel import gettext as _

from invenio_stats.core.objection import HEADERS
from invenio_stats.core.referrers import INTERNAL, host_of_request, referrer_host
from invenio_stats.pages.privacy import build_page
from invenio_stats.pages.rendering import render_page
from invenio_stats.privacy.objection import keep_choice, read_objections
from invenio_stats.views.caching import NOT_KEPT, Caching, with_caching

CHOICES = {"yes": False, "no": True}
"""By value of the form's field `count`, whether the visitor objects."""

MAX_FORM_BYTES = 10_000
"""Bytes of a form that are read; the page sends ten."""


def show_privacy() -> Response:
    """Return the page, or for POST the way back to it, with the choice as a cookie.

    The address to go back to names the choice, so that the page can say if the browser has not kept it. 400 for a form
    without a choice, 403 for one that another site has sent, and 413 for one that is too long for a choice, or does
    not say first how long it is.
    """
    response = _save_choice() if request.method == "POST" else _show()
    response.vary.update(HEADERS.values())
    return with_caching(response, Caching(None, NOT_KEPT))


def _show() -> Response:
    page = build_page(read_objections(), CHOICES.get(request.args.get("chosen", "")))
    heading = _("Your visit and our statistics")
    return make_response(render_page("privacy", heading, page=page, is_indexed=not request.args))


def _save_choice() -> Response:
    if "cookie" not in current_app.config["STATS_OBJECTION_SIGNALS"]:
        abort(404)
    if not _is_from_here():
        abort(403, _("Another site has sent this form. Nothing was changed."))
    if "Transfer-Encoding" in request.headers or (request.content_length or 0) > MAX_FORM_BYTES:
        abort(413)
    choice = request.form.get("count")
    if choice not in CHOICES:
        abort(400, _("Choose yes or no."))
    response = make_response(redirect(url_for(str(request.endpoint), chosen=choice), 303))
    keep_choice(response, objects=CHOICES[choice])
    return response


def _is_from_here() -> bool:
    """Return whether a form comes from a page of this site; there is no session that a token could belong to.

    All browsers of today say so themselves: https://www.w3.org/TR/fetch-metadata/, else by `Origin`.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site in ("same-origin", "none")
    hosts = {host_of_request(host) for host in (request.host, current_app.config.get("SITE_HOSTNAME")) if host}
    return origin is None or referrer_host(origin, {host for host in hosts if host}) == INTERNAL
