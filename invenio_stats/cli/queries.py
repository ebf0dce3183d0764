"""Define the commands that ask queries: `invenio stats query` and `queries`."""

import difflib
import json
from collections.abc import Sequence

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.answers import print_answer
from invenio_stats.cli.options import as_json
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import QueryRequest, get_query
from invenio_stats.queries.description import QueryDescription, describe
from invenio_stats.queries.parameters import INTERVALS, quote

DATE_FORMS = ("2026-01-31", "2026-01", "2026", "2026-01-31T10:00:00")
"""How a date may be written; `queries.parameters.read_date` reads them."""


@click.command("query")
@click.argument("name")
@click.option(
    "--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter; repeat a key to give it a list."
)
@as_json
@with_appcontext
@explain_errors()
def query_command(name: str, params: Sequence[str], as_json: bool) -> None:
    """Print the answer to the query NAME, with no check of permissions; `invenio stats queries` lists the names."""
    if name not in current_stats.queries:
        close = difflib.get_close_matches(name, current_stats.queries)
        raise click.UsageError(
            _("Unknown query %(name)s.", name=quote(name))
            + (" " + _("Similar: %(names)s.", names=", ".join(close)) if close else "")
            + " "
            + _("`invenio stats queries` lists all.")
        )
    request = QueryRequest(name, name, _read_params(params))
    try:
        answer = get_query(request).run(**request.params)
    except InvalidRequestInputError as error:
        raise click.UsageError(f"{name}: {error.description}") from error
    if as_json:
        click.echo(current_app.json.dumps(answer, indent=2))
    else:
        print_answer(answer)


@click.command("queries")
@as_json
@with_appcontext
@explain_errors()
def queries_command(as_json: bool) -> None:
    """Print the configured queries with their parameters."""
    queries = {name: describe(current_stats.get_query(name)) for name in current_stats.queries}
    if as_json:
        accepted = {"interval": list(INTERVALS), "start_date": DATE_FORMS, "end_date": DATE_FORMS}
        facts = {name: description._asdict() for name, description in queries.items()}
        click.echo(json.dumps({"queries": facts, "accepted": accepted}, indent=2))
        return
    for name, description in queries.items():
        click.secho(f"{name}: {_result(description)}", bold=True)
        click.echo("    " + _("required: %(names)s", names=", ".join(description.required) or "-"))
        others = [_("any other")] if description.accepts_others else []
        click.echo("    " + _("optional: %(names)s", names=", ".join([*description.optional, *others]) or "-"))
    click.echo()
    click.echo(_("interval: %(names)s (default: day)", names=", ".join(INTERVALS)))
    click.echo(_("start_date, end_date: %(forms)s (UTC)", forms=", ".join(DATE_FORMS)))


def _read_params(params: Sequence[str]) -> dict[str, str | list[str]]:
    """Return the parameters; a list for a key that is given more than once."""
    values: dict[str, list[str]] = {}
    for param in params:
        key, sign, value = param.partition("=")
        if not (key and sign):
            text = _("%(value)s has no key or no value. Write it as in bucket_id=f9c5b8ee.", value=quote(param))
            raise click.BadParameter(text, param_hint="'--param'")
        values.setdefault(key, []).append(value)
    return {key: given if len(given) > 1 else given[0] for key, given in values.items()}


def _result(description: QueryDescription) -> str:
    """Return what the query answers, in a few words."""
    metrics = ", ".join(description.metrics)
    if description.kind == "custom":
        return _("a query of another class")
    if description.kind == "histogram":
        return _("%(metrics)s over time", metrics=metrics)
    if description.groups:
        return _("%(metrics)s, by %(fields)s", metrics=metrics, fields=", ".join(description.groups))
    return metrics
