"""Define the commands about visitors' data: `invenio stats privacy report` and `forget-user`."""

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json, check_text, dry_run, yes
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_paragraph, print_table
from invenio_stats.operations.forgetting import Forgotten, forget_user
from invenio_stats.operations.privacy_report.report import make_report


@click.group("privacy")
def privacy_group() -> None:
    """Report what is kept about visitors, and forget one."""


@privacy_group.command("report")
@as_json
@with_appcontext
@explain_errors()
def privacy_report(as_json: bool) -> None:
    """Measure what is kept about visitors, where, for how long, and who may read it.

    Samples of indices, queues, dead letters and this machine's spool are searched for what looks like personal data.
    What is found is named by storage, field and kind, and never printed.
    """
    report = make_report(current_search_client, datetime.now(timezone.utc))
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    for table in _tables(report):
        if table.rows or table.if_empty:
            print_table(table)
    _print_list(_("Overdue"), report["overdue"] or [_("nothing")], "yellow" if report["overdue"] else "green")
    _print_list(_("Your own duties"), report["duties"])
    click.secho(_("For your record of processing activities"), bold=True)
    for line in report["record_of_processing"].splitlines():
        print_paragraph(line)


def _tables(report: Mapping[str, Any]) -> list[Table]:
    retention = report["retention"]
    return [
        Table(
            _("Raw events"),
            (_("event type"), _("oldest"), _("days"), _("state")),
            [
                (name, event["oldest"], event["days"], _("overdue") if event["overdue"] else _("in time"))
                for name, event in report["raw_events"].items()
            ],
            caption=_("To be kept for %(months)s calendar months: from %(deadline)s on.", **retention),
            if_empty=_("No raw event is stored."),
        ),
        Table(
            _("Salts"),
            (_("day"), _("age in hours"), _("state")),
            [
                (salt["day"], salt["hours"], _("overdue") if salt["overdue"] else _("in time"))
                for salt in report["salts"]
            ],
            if_empty=_no_salts(report["salts_problem"]),
        ),
        Table(
            _("Other data"), (_("data"), _("kept")), [(data["title"], data["kept"]) for data in report["other_data"]]
        ),
        Table(
            _("What was looked at"),
            (_("storage"), _("samples"), _("looks like personal data"), _("fields")),
            [
                (storage["storage"], storage["looked_at"], _findings(storage), ", ".join(storage["fields"]))
                for storage in report["storages"]
            ],
            optional=(_("fields"),),
        ),
        Table(
            _("Who may read it"),
            (_("storage"), _("who"), _("open to others")),
            [
                (reader["data"], reader["who"], _("perhaps") if reader["is_open"] else _("no"))
                for reader in report["readers"]
            ],
        ),
        Table(
            _("Settings that protect less than the default"),
            (_("setting"), _("effect")),
            [(weakened["setting"], weakened["effect"]) for weakened in report["weakened"]],
        ),
        Table(
            _("Indices that the search engine deletes by itself"),
            (_("index"), _("policy")),
            list(report["deleted_by_engine"].items()),
        ),
    ]


def _no_salts(problem: str | None) -> str:
    if problem:
        return _("They could not be looked at (%(why)s).", why=problem)
    return _("There is none: nothing was counted in the last days.")


def _findings(storage: Mapping[str, Any]) -> str:
    if storage["problem"]:
        return _("could not be looked at (%(why)s)", why=storage["problem"])
    return ", ".join(f"{found['field']}: {found['kind']} ({found['number']})" for found in storage["found"]) or _("no")


def _print_list(title: str, lines: list[str], color: str | None = None) -> None:
    click.secho(title, bold=True)
    for line in lines:
        print_paragraph(line, "- ", "  ", color)
    click.echo()


def _check_id(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return the id; a blank one, as of a variable that is not set, is nobody's."""
    if value != value.strip() or not value:
        text = _("It is empty or has a space at an end. Give the id as the database has it.")
        raise click.BadParameter(text, ctx, param)
    check_text(ctx, param, value)
    return value


@privacy_group.command("forget-user")
@click.argument("user_id", metavar="ID", callback=_check_id)
@dry_run
@yes
@as_json
@with_appcontext
@explain_errors()
def privacy_forget_user(user_id: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Take the keys of the user ID out of the raw events of the days whose salt still exists.

    Other keys, which nobody can compute, take their place, so that numbers stay. Events of earlier days cannot be found
    by anybody, nor can what the person did without being signed in, other than in the same session.
    """
    found = forget_user(current_search_client, user_id, datetime.now(timezone.utc), is_dry=True)
    if not dry_run:
        if found.events and not yes:
            click.echo(_found_text(found), err=True)
            click.confirm(_("Replace the keys of this user?"), abort=True, err=True)
        found = forget_user(current_search_client, user_id, datetime.now(timezone.utc))
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **found._asdict()}, indent=2))
    else:
        click.echo(_found_text(found) if dry_run else _done_text(found))
        click.echo(
            _(
                "Not found: events of other days, those on queues, in the spool and in dead letters, and what was done "
                "signed out."
            )
        )
    if found.closed_indices:
        names = ", ".join(found.closed_indices)
        text = _(
            "Closed indices may have events of this user, too: %(names)s. Open them, and run the command again.",
            names=names,
        )
        raise click.ClickException(text)


def _found_text(found: Forgotten) -> str:
    days = ", ".join(found.days) or _("none")
    return _("%(events)s events have keys of this user; days with a salt: %(days)s.", events=found.events, days=days)


def _done_text(found: Forgotten) -> str:
    days = ", ".join(found.days) or _("none")
    return _("%(events)s events have other keys now; days with a salt: %(days)s.", events=found.events, days=days)
