"""Define the command that deposits a month: `invenio stats counter deposit`."""

import json
from contextlib import nullcontext
from datetime import datetime, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.counter.months import month_option
from invenio_stats.cli.options import as_json, dry_run
from invenio_stats.cli.output import check_output, open_output
from invenio_stats.cli.progress import bar
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.core.counter_deposit import Deposit
from invenio_stats.core.counter_months import Month
from invenio_stats.counter.deposit.datasets import datasets_of, write_documents
from invenio_stats.counter.months import fetch_months
from invenio_stats.proxies import current_stats


@click.command("deposit")
@month_option("A closed month.", required=True)
@dry_run
@click.option("--output", metavar="FILE", help="Also write the documents to FILE, one on each line; - prints them.")
@as_json
@with_appcontext
@explain_errors()
def deposit_command(month: str, dry_run: bool, output: str | None, as_json: bool) -> None:
    """Deposit the use of a closed month's datasets with DataCite's usage reports service.

    The same command continues a deposit that was interrupted. A month that is deposited already is compared, and sent
    again if something of it has changed.
    """
    account = current_stats.counter_deposit_account
    if account is None and not dry_run:
        raise click.UsageError(
            _("Nothing can be deposited. Set STATS_COUNTER_DATACITE_URL and STATS_COUNTER_DATACITE_TOKEN.")
        )
    if output is not None:
        check_output(output)
    found = _find(month)
    facts: dict[str, Any] = {}
    if dry_run or output is not None:
        facts = _write(found, output)
    if account is not None and not dry_run:
        from invenio_stats.counter.deposit.months import deposit_month  # needs requests, an extra

        with bar(_("Depositing"), as_json) as progress:
            progress.begin(month)
            result = deposit_month(current_search_client, month, account, _now, lambda part: progress.advance())
        facts = result._asdict()
    _print(facts, as_json, to_stderr=output == "-")


def _find(month: str) -> Month:
    """Return a closed month; UsageError if it is not closed, or not offered any more."""
    closed = fetch_months(current_search_client, _now().date())
    if month not in closed:
        raise click.UsageError(
            _("%(month)s is not closed. Closed months: %(names)s.", month=month, names=", ".join(closed) or _("none"))
        )
    return closed[month]


def _write(month: Month, output: str | None) -> dict[str, Any]:
    """Write the documents to the output, if there is one; return how much would be sent."""
    datasets = datasets_of(current_search_client, month, _now())
    with nullcontext(None) if output is None else open_output(output) as file:
        summary = write_documents(datasets, file)
    is_due = bool(summary.datasets) or Deposit.from_source(month.deposit).is_tried  # what is there has to be emptied
    outcome, parts = ("dry_run", summary.parts) if is_due else ("nothing", 0)
    facts = {"month": month.month, "outcome": outcome, "datasets": summary.datasets, "parts": parts}
    left = {"left_out": datasets.left_out, "id": month.deposit.get("id", ""), "same_doi": datasets.merged}
    return {**facts, **left}


def _print(facts: dict[str, Any], as_json: bool, to_stderr: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts), err=to_stderr)
        return
    texts = {
        "deposited": _("%(month)s is deposited: %(datasets)s datasets in %(parts)s parts, report %(id)s.", **facts),
        "unchanged": _("%(month)s is deposited already: %(datasets)s datasets, report %(id)s.", **facts),
        "nothing": _("No dataset with a DOI was used in %(month)s; nothing is deposited.", **facts),
        "dry_run": _("%(month)s would be deposited: %(datasets)s datasets in %(parts)s parts.", **facts),
    }
    click.secho(texts[facts["outcome"]], fg="yellow" if facts["outcome"] == "dry_run" else "green", err=to_stderr)
    if facts["left_out"]:
        click.echo(_("Datasets without a DOI, which are left out: %(count)s.", count=facts["left_out"]), err=to_stderr)
    for item_ids in facts["same_doi"]:
        text = _(
            "The items %(items)s have the same DOI, and are one dataset: unique numbers are those of the item with "
            "most. If they are not the same, correct the DOI, and restate the month.",
            items=", ".join(item_ids),
        )
        click.secho(text, fg="yellow", err=to_stderr)


def _now() -> datetime:
    return datetime.now(timezone.utc)
