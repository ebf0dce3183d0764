"""A small but real Invenio instance: records with files, a few users, a search page.

It is Invenio's own application (invenio-app) with one blueprint of its own. `run-demo.sh` serves it with
`gunicorn "instance:create_app()"`; its configuration is `invenio.cfg`, its parts are in `library/`.
"""

from flask import Flask
from invenio_app.factory import create_app as create_invenio_app
from library.pages import blueprint


def create_app() -> Flask:
    """Return the pages, with the REST API below /api."""
    app = create_invenio_app()
    app.register_blueprint(blueprint)
    return app
