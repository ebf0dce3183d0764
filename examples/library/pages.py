"""Pages of the example: the list of records, and the search page; Invenio brings the record page."""

from flask import Blueprint, current_app, render_template, request
from invenio_records.models import RecordMetadata

from invenio_stats.contrib.signals import search_executed
from library.searches import search_sent

blueprint = Blueprint("library", __name__, template_folder="templates")


@blueprint.route("/")
def index() -> str:
    """List the records."""
    return render_template("library/list.html", records=_records(), query=None)


@blueprint.route("/search")
def search() -> str:
    """List the records whose title holds the query, and tell statistics of the search."""
    query = request.args.get("q", "").strip().lower()
    found = [record for record in _records() if query in record["title"].lower()]
    app = current_app._get_current_object()
    search_executed.send(app, search_page="records")
    search_sent.send(app, query=query, hits=len(found))
    return render_template("library/list.html", records=found, query=query)


def _records() -> list[dict]:
    records = (row.json for row in RecordMetadata.query if row.json)
    return sorted(records, key=lambda record: int(record["id"]))
