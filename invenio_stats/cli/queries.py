"""Define the commands that ask queries: `invenio stats query` and `queries`."""

import difflib
import json
from collections.abc import Sequence
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.answers import print_answer
from invenio_stats.cli.options import as_json
from invenio_stats.cli.output import check_output
from invenio_stats.cli.service_errors import explain_errors, no_database
from invenio_stats.core.periods import PERIODS
from invenio_stats.errors import InvalidRequestInputError, NoAnswerError, NotFoundError
from invenio_stats.exports import xlsx
from invenio_stats.exports.csv import write_csv
from invenio_stats.exports.files import MEDIA_TYPES, ask, fetch_parts
from invenio_stats.exports.rows import make_sheet
from invenio_stats.exports.xlsx import write_xlsx
from invenio_stats.items.access import SYSTEM
from invenio_stats.items.database import check_database
from invenio_stats.privacy.error_texts import is_database_away
from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import QueryRequest, get_query
from invenio_stats.queries.description import QueryDescription, describe
from invenio_stats.queries.parameter_schemas import list_orders, summarize
from invenio_stats.queries.parameters import INTERVALS, quote
from invenio_stats.queries.usage.parameters import COMPARISONS, VERSIONS

DATE_FORMS = ("2026-01-31", "2026-01", "2026", "2026-01-31T10:00:00")
"""How a date may be written; `queries.parameters.read_date` reads them."""


@click.command("query")
@click.argument("name")
@click.option(
    "--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter; repeat a key to give it a list."
)
@click.option("--format", "chosen", type=click.Choice(["table", *MEDIA_TYPES]), help="Default: table.")
@click.option("--output", type=click.Path(dir_okay=False), help="A file; default: standard output.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@with_appcontext
@explain_errors()
def query_command(name: str, params: Sequence[str], chosen: str | None, output: str | None, as_json: bool) -> None:
    """Print the answer to the query NAME, as the system sees it; `invenio stats queries` lists the names.

    A file in CSV or XLSX has the whole list, unless size, page or after is given.
    """
    if name not in current_stats.queries:
        close = difflib.get_close_matches(name, current_stats.queries)
        raise click.UsageError(
            _("Unknown query %(name)s.", name=quote(name))
            + (" " + _("Similar: %(names)s.", names=", ".join(close)) if close else "")
            + " "
            + _("`invenio stats queries` lists all.")
        )
    chosen = _check_format(chosen or ("json" if as_json else "table"), output)
    request = QueryRequest(name, name, _read_params(params))
    try:
        _write(request, chosen, output)
    except NotFoundError as error:
        # Without its tables the database knows no record; only the log says so.
        check_database()
        raise click.UsageError(f"{name}: {error.description}") from error
    except InvalidRequestInputError as error:
        raise click.UsageError(f"{name}: {error.description}") from error
    except NoAnswerError as error:
        if is_database_away(error.__cause__):
            raise no_database(error.__cause__) from error
        raise click.ClickException(f"{name}: {error.description}") from error


def _check_format(chosen: str, output: str | None) -> str:
    """Return the format; UsageError if it cannot be written, or not to this output."""
    if output is not None:
        check_output(output)
    if chosen == "table" and output is not None:
        raise click.UsageError(_("A table is printed only. Add --format json, csv or xlsx to --output."))
    if chosen == "xlsx" and not xlsx.is_available():
        raise click.UsageError(_("XlsxWriter is not installed: pip install 'invenio-stats[xlsx]'."))
    if chosen == "xlsx" and output is None:
        raise click.UsageError(_("An XLSX file is not for the screen. Add --output FILE."))
    return chosen


def _write(request: QueryRequest, chosen: str, output: str | None) -> None:
    """Write the answer to the output; nothing is written if there is none."""
    query = get_query(request)
    if chosen in ("table", "json"):
        answer = ask(query, request.params, SYSTEM)
        if chosen == "table":
            print_answer(answer)
            return
        with click.open_file(output or "-", "w", encoding="utf-8", atomic=output is not None) as text:
            text.write(current_app.json.dumps(answer, indent=2) + "\n")
        return
    sheet = make_sheet(fetch_parts(query, request.params, SYSTEM, int(current_app.config["STATS_EXPORT_ROWS"])))
    with click.open_file(output or "-", "wb", atomic=output is not None) as file:
        if chosen == "xlsx":
            write_xlsx(sheet, file)
        else:
            for piece in write_csv(sheet):
                file.write(piece.encode())


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
        query = current_stats.get_query(name)
        click.secho(f"{name}: {_result(description, query)}", bold=True)
        click.echo("    " + _("required: %(names)s", names=", ".join(description.required) or "-"))
        others = [_("any other")] if description.accepts_others else []
        click.echo("    " + _("optional: %(names)s", names=", ".join([*description.optional, *others]) or "-"))
        if "by" in description.optional and (orders := list_orders(query)):
            click.echo("    " + _("by: %(names)s", names=", ".join(orders)))
    click.echo()
    click.echo(_("interval: %(names)s (default: day)", names=", ".join(INTERVALS)))
    click.echo(_("start_date, end_date: %(forms)s (UTC)", forms=", ".join(DATE_FORMS)))
    if any("period" in description.optional for description in queries.values()):
        _print_usage_parameters()


def _print_usage_parameters() -> None:
    """Print what the parameters of queries about usage may be."""
    click.echo()
    click.echo(_("Queries with a period:"))
    click.echo(_("period: %(names)s (default: 12m, of records and files all)", names=", ".join(PERIODS)))
    click.echo(_("from, to: %(forms)s (UTC; both belong to the range)", forms=", ".join(DATE_FORMS[:3])))
    click.echo(_("interval: default by the length of the range"))
    click.echo(_("compare: %(names)s (default: before)", names=", ".join(COMPARISONS)))
    click.echo(_("versions: %(names)s (default: all)", names=", ".join(VERSIONS)))


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


def _result(description: QueryDescription, query: Any) -> str:
    """Return what the query answers, in a few words."""
    metrics = ", ".join(description.metrics)
    if description.kind == "custom":
        return summarize(query) if getattr(query, "checks_names", False) else _("a query of another class")
    if description.kind == "histogram":
        return _("%(metrics)s over time", metrics=metrics)
    if description.groups:
        return _("%(metrics)s, by %(fields)s", metrics=metrics, fields=", ".join(description.groups))
    return metrics
