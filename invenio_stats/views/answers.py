"""Answer one query by GET: as JSON, CSV or XLSX."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Any

from flask import Response, abort, current_app, request, stream_with_context
from flask.views import MethodView
from flask_babel import gettext as _

from invenio_stats.errors import InvalidRequestInputError, UnknownQueryError
from invenio_stats.exports.csv import write_csv
from invenio_stats.exports.files import MEDIA_TYPES, fetch_parts, file_name, formats, is_in_parts
from invenio_stats.exports.json import write_json
from invenio_stats.exports.rows import Sheet, make_sheet
from invenio_stats.exports.xlsx import write_xlsx
from invenio_stats.items.access import current_identity
from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import (
    QueryRequest,
    answer_or_explain,
    answer_permitted,
    check_permissions,
    find_queries,
    within_budget,
)
from invenio_stats.queries.parameters import quote
from invenio_stats.views.caching import Caching, find_caching, keep_if_whole, with_caching

BYTES_AT_ONCE = 65_536


class AnswerResource(MethodView):
    """The answer to one query."""

    def get(self, query: str) -> Response:
        """Answer the query whose parameters are those of the address; 304 if the client has the answer."""
        params: dict[str, Any] = {
            name: values if len(values) > 1 else values[0] for name, values in request.args.lists()
        }
        media = _choose_format(params.pop("format", None))
        entry = _find(query, params)
        for_everybody = check_permissions([entry])
        now = datetime.now(timezone.utc)
        find = partial(find_caching, current_stats.get_query(query), entry.params, media, for_everybody, now)
        with within_budget([query]) as budget:
            caching = answer_or_explain(entry, find, budget)
        return with_caching(Response(status=304), caching) if caching.is_known() else _write(entry, media, caching)


def _choose_format(given: Any) -> str:
    known = formats()
    if given is None:
        media = request.accept_mimetypes.best_match([MEDIA_TYPES[name] for name in known], MEDIA_TYPES["json"])
        if request.accept_mimetypes and not request.accept_mimetypes[media]:
            abort(406)
        return next(name for name in known if MEDIA_TYPES[name] == media)
    if given not in known:
        raise InvalidRequestInputError(
            _("format is %(value)s. Use one of: %(known)s.", value=quote(given), known=", ".join(known))
        )
    return str(given)


def _find(name: str, params: dict[str, Any]) -> QueryRequest:
    try:
        (entry,) = find_queries([QueryRequest(name, name, params)])
    except UnknownQueryError as error:
        error.code = 404  # there is no such address
        raise
    return entry


def _write(entry: QueryRequest, media: str, caching: Caching) -> Response:
    if media == "json":
        answer = answer_permitted(entry)
        response = _stream(write_json(answer, current_app.json.dumps), media)
        return with_caching(response, keep_if_whole(caching, answer))
    sheet = make_sheet(_fetch(entry))
    name = file_name(entry.name, sheet.about | _dates(entry.params), media)
    # Later parts are fetched, and titles are written, as the client that asked sees them.
    response = _stream(stream_with_context(write_csv(sheet)), media) if media == "csv" else _send_xlsx(sheet)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return with_caching(response, keep_if_whole(caching, sheet.about))


def _send_xlsx(sheet: Sheet) -> Response:
    """Return the file, which is written to the disk first: its index comes last."""
    with ExitStack() as stack:
        file = stack.enter_context(TemporaryFile())
        write_xlsx(sheet, file)
        size = file.tell()
        file.seek(0)
        closing = stack.pop_all()
    response = Response(_read(file), mimetype=MEDIA_TYPES["xlsx"])
    response.content_length = size
    response.call_on_close(closing.close)
    return response


def _read(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from iter(partial(file.read, BYTES_AT_ONCE), b"")


def _dates(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in ("start_date", "end_date") if name in params}


def _stream(pieces: Iterator[str], media: str) -> Response:
    return Response(pieces, mimetype=MEDIA_TYPES[media])


def _fetch(entry: QueryRequest) -> Iterator[Mapping[str, Any]]:
    """Yield the answer for a file; each part of a long list has the limits of a request."""
    query = current_stats.get_query(entry.name)
    if not is_in_parts(query, entry.params):
        yield answer_permitted(entry)
        return
    limit = int(current_app.config["STATS_EXPORT_ROWS"])
    parts = fetch_parts(query, entry.params, current_identity(), limit)
    while True:
        with within_budget([entry.name]) as budget:
            part = answer_or_explain(entry, lambda: next(parts, None), budget)
        if part is None:
            return
        yield part
