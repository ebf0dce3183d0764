"""Define the command that makes reports: `invenio stats counter report`."""

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from typing import Any, cast

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.counter.months import month_option
from invenio_stats.cli.output import check_output, open_output
from invenio_stats.cli.progress import bar
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.core.counter_platform import Platform
from invenio_stats.core.counter_reports import REPORTS
from invenio_stats.core.customers import THE_WORLD
from invenio_stats.counter.reports.filters import NOT_RECOGNIZED, Problem, parse_filters
from invenio_stats.counter.reports.formats import WRITERS
from invenio_stats.counter.reports.items import ReportItem
from invenio_stats.counter.reports.report import Report, build_report
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.errors import TooManyRowsError, UnknownCustomerError
from invenio_stats.exports import xlsx
from invenio_stats.proxies import current_stats

_OPTIONS = {
    "attributes_to_show": "--show",
    "include_parent_details": "--parents",
    "granularity": "--totals",
    "metric_type": "--metric",
    "data_type": "--data-type",
    "access_type": "--access-type",
    "access_method": "--access-method",
    "yop": "--yop",
    "item_id": "--item",
    "country_code": "--country",
}
"""The option for each parameter of the COUNTER API."""


def _list_option(parameter: str, metavar: str, text: str) -> Callable[..., Any]:
    """Return an option for a list: with commas, or given more than once."""
    return click.option(_OPTIONS[parameter], parameter, multiple=True, metavar=metavar, help=text)


def _flag(parameter: str, text: str) -> Callable[..., Any]:
    return click.option(_OPTIONS[parameter], parameter, is_flag=True, help=text)


@click.command("report")
@click.argument("report_id", metavar="|".join(REPORTS).lower(), type=click.Choice(list(REPORTS), case_sensitive=False))
@month_option("First month.", required=True, names=("--from", "begin"))
@month_option("Last month, inclusive.", required=True, names=("--to", "end"))
@click.option("--format", "chosen", type=click.Choice(list(WRITERS)), default="json", help="Default: json.")
@click.option("--customer", "customer_id", default=THE_WORLD, help="Id of a customer. Default: The World, all usage.")
@_list_option("attributes_to_show", "A,B", "Attributes to show: YOP,Access_Type.")
@_flag("include_parent_details", "Show what the items were published in (IR).")
@_flag("granularity", "One number of each metric, instead of one for each month.")
@_list_option("metric_type", "A,B", "Only these metrics.")
@_list_option("data_type", "A,B", "Only these types.")
@_list_option("access_type", "A,B", "Only these: Open, Free_To_Read, Controlled (IR).")
@_list_option("access_method", "A,B", "Only these: Regular, TDM.")
@_list_option("yop", "YEARS", "Only these years of publication: 2010,2012-2015 (IR).")
@_list_option("item_id", "ID", "Only this item: a DOI, or an id as reports show it, example:123 (IR).")
@_list_option("country_code", "XX", "Only use from this country; ZZ if it is not known.")
@click.option("--output", default="-", metavar="FILE", help="A file; default: -, standard output.")
@with_appcontext
def report_command(
    report_id: str, begin: str, end: str, chosen: str, customer_id: str, output: str, **options: Any
) -> None:
    """Write a COUNTER report of closed months.

    Months that are not there are named in its header, and on standard error.
    """
    request = _read_request(report_id, begin, end, customer_id, options)
    _check_output(chosen, output)
    with explain_errors(), _explain_refusals():
        report = build_report(current_search_client, request, datetime.now(timezone.utc))
        with closing(report.items), open_output(output) as file, bar(_("Writing")) as progress:
            progress.begin(report_id)
            WRITERS[chosen](_with_progress(report, progress.advance), file)
    for exception in report.header.get("Exceptions", ()):
        data = f": {exception['Data']}" if "Data" in exception else ""
        click.echo(f"{exception['Code']} {exception['Message']}{data}", err=True)


def _read_request(report_id: str, begin: str, end: str, customer_id: str, options: dict[str, Any]) -> ReportRequest:
    """Return the request; UsageError for whatever cannot be taken."""
    if begin > end:
        raise click.UsageError(_("--from %(begin)s is after --to %(end)s; swap them.", begin=begin, end=end))
    flags = {"include_parent_details": "True", "granularity": "Totals"}
    given = {name: flags[name] if name in flags else _join(name, value) for name, value in options.items() if value}
    platform = cast(Platform, current_stats.counter_platform)  # the group has checked that there is one
    request, problems = parse_filters(report_id, begin, end, customer_id, given, platform, platform.has_countries)
    if problems:
        raise click.UsageError("\n".join(_explain(report_id, problem) for problem in problems))
    return request


def _join(name: str, values: Sequence[str]) -> str:
    """Return a list as the COUNTER API has it; the id of an item may have commas of its own."""
    joined = "|".join(values)
    return joined if name == "item_id" else joined.replace(",", "|")


def _explain(report_id: str, problem: Problem) -> str:
    option = _OPTIONS[problem.parameter]
    kind = REPORTS[report_id]
    if problem.code == NOT_RECOGNIZED:
        return _("%(report)s does not take %(option)s.", report=report_id, option=option)
    if problem.parameter == "country_code":
        if not cast(Platform, current_stats.counter_platform).has_countries:
            return _("--country needs STATS_COUNTER_COUNTRIES = True.")
        return _("%(value)s is not a country. Write codes as DE or CH.", value=problem.value)
    if problem.parameter == "yop":
        return _("%(value)s is not a year. Write years as 2010 or 2012-2015.", value=problem.value)
    if problem.parameter == "item_id":
        return _("%(value)s is not the DOI or id of an item.", value=problem.value)
    names = {name.lower(): values for name, values in kind.filters.items()}
    known = kind.attributes if problem.parameter == "attributes_to_show" else names[problem.parameter]
    return _(
        "%(option)s: %(value)s is not known. Known are: %(known)s.",
        option=option,
        value=problem.value,
        known=", ".join(known),
    )


def _check_output(chosen: str, output: str) -> None:
    if chosen == "xlsx" and not xlsx.is_available():
        raise click.UsageError(_("XlsxWriter is not installed: pip install 'invenio-stats[xlsx]'."))
    if chosen == "xlsx" and output == "-" and sys.stdout.isatty():
        raise click.UsageError(_("An XLSX file is not for the screen. Add --output FILE."))
    check_output(output)


@contextmanager
def _explain_refusals() -> Iterator[None]:
    try:
        yield
    except (UnknownCustomerError, TooManyRowsError) as error:
        raise click.UsageError(str(error)) from error


def _with_progress(report: Report, advance: Callable[[], None]) -> Report:
    """Return the report, which tells of each item that is written."""

    def items() -> Generator[ReportItem, None, None]:
        for item in report.items:
            yield item
            advance()

    return report._replace(items=items())
