"""Serve the pages with two years of usage to a browser, with the headers that Invenio sends by default."""

import re
import uuid
from contextlib import contextmanager
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from flask import Flask, Response, render_template, send_file
from flask_talisman import Talisman
from invenio_app.config import APP_DEFAULT_SECURE_HEADERS
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.serving import WSGIRequestHandler, make_server

from invenio_stats.items import CheckedAccess
from tests.flow.pages import site

HERE = Path(__file__).parent


class Server(NamedTuple):
    """An instance at an address."""

    app: Flask
    address: str

    @contextmanager
    def inside(self, template):
        """Have pages extend a template while the context is open."""
        self.app.config["STATS_PAGES_BASE_TEMPLATE"] = template
        try:
            yield
        finally:
            self.app.config["STATS_PAGES_BASE_TEMPLATE"] = None


class _Quiet(WSGIRequestHandler):
    def log_request(self, *args):
        """Write nothing: a test looks at the page, not at the log of the server."""


@contextmanager
def serve(engine_url, **settings):
    """Yield the instance, seeded, on a free port of 127.0.0.1; its indices are deleted at the end."""
    prefix = f"test-{uuid.uuid4().hex[:8]}-"
    app = make_app(SEARCH_HOSTS=[engine_url], SEARCH_INDEX_PREFIX=prefix, CACHE_TYPE="SimpleCache", **settings)
    client = app.extensions["invenio-search"].client
    with app.app_context():
        site.seed(client, prefix)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Server(app, f"http://127.0.0.1:{server.port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        client.indices.delete(index=f"{prefix}*", ignore=[404])


def make_app(**settings):
    """Return the application, with the style sheets and the pages of hosts."""
    app = site.create_app(**site.settings(**settings))
    library, state = site.Library(), app.extensions["invenio-stats"]
    state.access, state.item_metadata = CheckedAccess(library), library.describe
    Talisman(app, **{**APP_DEFAULT_SECURE_HEADERS, "force_https": False, "session_cookie_secure": False})
    app.jinja_loader = ChoiceLoader([app.jinja_loader, FileSystemLoader(HERE)])
    app.add_url_rule("/favicon.ico", "icon", lambda: ("", 204))
    app.add_url_rule("/semantic.css", "semantic", lambda: Response(_read_semantic(), mimetype="text/css"))
    app.add_url_rule("/host.css", "host_style", lambda: send_file(HERE / "host.css"))
    app.add_url_rule("/host/<style>/<pid>", "host", partial(render_template, "host_record.html"))
    return app


@cache
def _read_semantic():
    """Return the style sheet without its fonts, some of which are data: these need another policy than the pages."""
    file = Path(find_spec("flask_fomanticui").origin).parent / "static" / "css" / "semantic.css"
    return re.sub(r"@font-face\s*\{[^}]*\}", "", file.read_text(encoding="utf-8"))
