"""Write the answers of the COUNTER API: JSON without needless spaces, compressed if the client accepts that."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Any, cast

from flask import Response, request

from invenio_stats.core.counter_exceptions import CounterException

BYTES_AT_ONCE = 65_536
MEDIA_TYPE = "application/json"
_LEVEL = 6
"""Of compression; higher ones take several times as long for a few per cent."""


def answer(body: Any, status: int = 200) -> Response:
    """Return a response with a body that fits into memory."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if accepts_gzip():
        text = gzip.compress(text, _LEVEL, mtime=0)
    return _finish(Response(text, status, mimetype=MEDIA_TYPE), accepts_gzip())


def refuse(problem: CounterException) -> Response:
    """Return the response that is an exception."""
    return answer(problem.as_dict(), problem.status)


def send_file(file: IO[bytes], is_compressed: bool) -> Response:
    """Return the response that streams an open file, and closes it; `is_compressed` says whether it is gzip'ed."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if is_compressed and not accepts_gzip():
        response = _finish(Response(_read(cast(IO[bytes], gzip.GzipFile(fileobj=file))), mimetype=MEDIA_TYPE), False)
    else:
        response = _finish(Response(_read(file), mimetype=MEDIA_TYPE), is_compressed)
        response.content_length = size
    response.call_on_close(file.close)
    return response


def send_written(write: Callable[[IO[bytes]], object]) -> Response:
    """Return the response with what `write` writes; that is done before, so that an error is answered as one."""
    is_compressed = accepts_gzip()
    with ExitStack() as stack:
        file = stack.enter_context(TemporaryFile())
        if is_compressed:
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0) as stream:
                write(cast(IO[bytes], stream))
        else:
            write(file)
        stack.pop_all()  # the response closes it
    return send_file(file, is_compressed)


def accepts_gzip() -> bool:
    """Return True if the client accepts a body that is gzip'ed."""
    return request.accept_encodings.quality("gzip") > 0


def _read(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from iter(partial(file.read, BYTES_AT_ONCE), b"")


def _finish(response: Response, is_compressed: bool) -> Response:
    response.vary.add("Accept-Encoding")
    if is_compressed:
        response.content_encoding = "gzip"
    return response
