"""Answer with the page of data quality, or with the numbers of one of its sections as a file."""

from collections.abc import Mapping
from datetime import datetime, timezone
from io import BytesIO
from typing import Any

from flask import Response, abort, jsonify, make_response, request, url_for
from flask_babel import gettext as _

from invenio_stats.errors import NoAnswerError
from invenio_stats.exports.csv import write_csv
from invenio_stats.exports.files import MEDIA_TYPES, file_name, formats
from invenio_stats.exports.rows import make_sheet
from invenio_stats.exports.xlsx import write_xlsx
from invenio_stats.items.access import current_identity
from invenio_stats.pages.quality import TOPICS, build_page, find_days, find_numbers
from invenio_stats.pages.rendering import render_page
from invenio_stats.pages.tables import Link, name_files
from invenio_stats.permissions import user_id
from invenio_stats.proxies import current_stats
from invenio_stats.queries.usage.answers import RULES
from invenio_stats.views.caching import Caching, find_cache_control, with_caching


def show_quality() -> Response:
    """Return the page, or the file that `table` and `format` name; 400 for any other parameter."""
    now = datetime.now(timezone.utc)
    is_administrator = current_stats.access.is_administrator(current_identity())
    if request.args:
        return _send_file(now, is_administrator)
    page = build_page(now, is_administrator, _link_files)
    html = render_page("quality", _("How far you can trust these numbers"), page=page, is_indexed=True)
    # A part that failed may be back in a moment.
    kept = find_cache_control(not is_administrator) if page.is_whole else "private, no-store"
    return with_caching(make_response(html), Caching(None, kept))


def _link_files(name: str, title: str) -> list[Link]:
    def address(extension: str) -> str:
        return url_for(str(request.endpoint), table=name, format=extension)

    return name_files(title, address)


def _send_file(now: datetime, is_administrator: bool) -> Response:
    given = dict(request.args.lists())
    name, extension = (given.get(param, [""])[0] for param in ("table", "format"))
    is_known = {*given} == {"table", "format"} and all(len(values) == 1 for values in given.values())
    if not is_known or name not in TOPICS or extension not in formats():
        known = {"tables": ", ".join(TOPICS), "formats": ", ".join(formats())}
        abort(400, _("Give table, one of: %(tables)s; and format, one of: %(formats)s.", **known))
    if TOPICS[name].for_administrators and not is_administrator:
        abort(401 if user_id() is None else 403)
    try:
        rows = list(TOPICS[name].rows(find_numbers(name, now)))
    except NoAnswerError as error:
        abort(error.code, str(error.description))
    days = find_days(now)
    answer = {
        "query": f"quality-{name}",
        "from": days.first.isoformat(),
        "to": days.last.isoformat(),
        "measured": now.isoformat(timespec="seconds"),
        "rules": RULES,
        "rows": rows,
    }
    return with_caching(_write(answer, extension), Caching(None, find_cache_control(not is_administrator)))


def _write(answer: Mapping[str, Any], extension: str) -> Response:
    if extension == "json":
        return jsonify(answer)
    sheet = make_sheet(iter([answer]))
    if extension == "csv":
        response = Response("".join(write_csv(sheet)), mimetype=MEDIA_TYPES["csv"])
    else:
        file = BytesIO()
        write_xlsx(sheet, file)
        response = Response(file.getvalue(), mimetype=MEDIA_TYPES["xlsx"])
    name = file_name(str(answer["query"]), answer, extension)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
