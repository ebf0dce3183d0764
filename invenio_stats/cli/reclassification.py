"""Define the command that corrects the classes of stored events: `invenio stats robots reclassify`."""

import json
from datetime import datetime, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json, check_range, dry_run, from_option, to_option, yes
from invenio_stats.cli.progress import bar
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, format_change, print_table, table_of_months
from invenio_stats.cli.user_agents import MAX_LINES, count_rest, facts_of
from invenio_stats.core.moments import iso
from invenio_stats.operations.reclassification.plan import Plan, count_dropped, make_plan
from invenio_stats.operations.reclassification.run import is_unfinished, run


@click.command("reclassify")
@from_option("Default: the first day whose events are all stored.")
@to_option("Default: today.")
@dry_run
@yes
@as_json
@with_appcontext
def robots_reclassify(first: datetime | None, last: datetime | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Give stored events the classes that their user agents have by the lists in force, and count them again.

    The difference is printed first, by record and month. The same command completes an interrupted one. To undo it,
    take the pattern or exception back, and run it again.
    """
    check_range(first, last)
    now = datetime.now(timezone.utc)
    with explain_errors():
        with bar(_("Comparing"), as_json) as progress:
            plan = make_plan(current_search_client, first, last, now, progress.set)
        unfinished = is_unfinished(current_search_client)
        facts = _facts_of_plan(plan, now)
        if not as_json:
            _print_plan(plan, facts, unfinished)
        is_due = bool(plan.days or unfinished)
        if is_due and not (dry_run or yes):
            click.confirm(_("Reclassify these events?"), abort=True, err=True)
        if is_due and not dry_run:
            with bar(_("Reclassifying"), as_json) as progress:
                run(plan, lambda: datetime.now(timezone.utc), progress.set)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "was_interrupted": unfinished, **facts}, indent=2))
    elif is_due and not dry_run:
        click.secho(_("The events are reclassified, and their totals counted again."), fg="green")


def _facts_of_plan(plan: Plan, now: datetime) -> dict[str, Any]:
    events = plan.events
    records = [
        {"record": record, "month": month, "number": number, "change": change}
        for (record, month, number), change in sorted(plan.by_record.items(), key=lambda line: (-abs(line[1]), line[0]))
        if change
    ]
    return {
        "agents": [
            {**facts, "events": events[facts["agent_id"]]}
            for facts in facts_of(plan.agents[agent_id] for agent_id, _number in events.most_common())
        ],
        "documents": plan.documents,
        "months": plan.changes.months,
        "records": records,
        "complete_from": {kind.name: iso(kind.complete_from)[:10] for kind in plan.event_types},
        "incomplete": +plan.incomplete,
        "unknown_agents": plan.unknown,
        "dropped": count_dropped(current_search_client, plan, now),
    }


def _print_plan(plan: Plan, facts: dict[str, Any], unfinished: bool) -> None:
    if unfinished:
        click.echo(_("An earlier run was interrupted; this one completes it."))
    if facts["agents"]:
        columns = [_("user agent"), _("class now"), _("events")]
        rows = [[agent["agent"], agent["now"], agent["events"]] for agent in facts["agents"][:MAX_LINES]]
        print_table(Table(_("User agents with another class"), columns, rows, caption=count_rest(facts["agents"])))
    if facts["records"]:
        columns = [_("record"), _("month"), _("number"), _("change")]
        rows = [
            [line["record"], line["month"], line["number"], format_change(line["change"])] for line in facts["records"]
        ]
        print_table(Table(_("Difference by record"), columns, rows[:MAX_LINES], caption=count_rest(rows)))
        print_table(table_of_months(_("Difference by month"), facts["months"]))
    if not plan.days:
        click.echo(_("No stored event has to change."))
    _print_limits(plan, facts)


def _print_limits(plan: Plan, facts: dict[str, Any]) -> None:
    """Say which events cannot be changed, and why."""
    for kind in plan.event_types:
        number = plan.incomplete[kind.name]
        if number:
            day = iso(kind.complete_from)[:10]
            text = _(
                "%(name)s: %(count)s events before %(day)s stay as they are, since not all events of that time are "
                "stored any more.",
                name=kind.name,
                count=number,
                day=day,
            )
            click.echo(text)
    if facts["unknown_agents"]:
        text = _("%(count)s events stay: the catalog does not have their user agents.", count=facts["unknown_agents"])
        click.echo(text)
    if facts["dropped"]:
        text = _(
            "%(count)s events of robots, AI agents and tools were dropped when they arrived, and are not stored: they "
            "cannot come back.",
            count=facts["dropped"],
        )
        click.echo(text)
