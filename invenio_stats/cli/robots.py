"""Define the commands about robots: `invenio stats robots`."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json, check_range, dry_run, first_of_days, from_option, to_option, yes
from invenio_stats.cli.reclassification import robots_reclassify
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_table, table_of_facts
from invenio_stats.cli.user_agents import MAX_LINES, count_rest, facts_of
from invenio_stats.operations.quality.automated_agents import read_automated_agents
from invenio_stats.operations.reclassification import catalog_changes
from invenio_stats.operations.reclassification.catalog_changes import KnownAgent

_DEFAULT_DAYS = 365


@click.group("robots")
def robots_group() -> None:
    """See which user agents are robots, and correct it for the past."""


@robots_group.command("test")
@click.argument("agent")
@as_json
@with_appcontext
def robots_test(agent: str, as_json: bool) -> None:
    """Print the class of the user agent AGENT, given as its whole text, and the list and pattern that decide it."""
    found = catalog_changes.explain(agent)
    if as_json:
        click.echo(json.dumps(found._asdict()))
        return
    counts = _("counts as a person") if found.counts else _("does not count")
    click.secho(f"{found.agent_class}: {counts}", fg="green" if found.counts else "yellow")
    if found.list_name:
        click.echo(_("List: %(list)s; pattern: %(pattern)s", list=found.list_name, pattern=found.pattern or "-"))


@robots_group.command("top")
@from_option("Default: a year before the last date.")
@to_option("Default: yesterday.")
@click.option("--limit", type=click.IntRange(1, 200), default=25, show_default=True, help="Number of user agents.")
@as_json
@with_appcontext
@explain_errors()
def robots_top(first: datetime | None, last: datetime | None, limit: int, as_json: bool) -> None:
    """Print the user agents that were excluded most often, so that a browser or phone among them is seen."""
    end = last.date() if last else datetime.now(timezone.utc).date() - timedelta(days=1)
    start = first.date() if first else first_of_days(end, _DEFAULT_DAYS)
    check_range(start, end)
    found = read_automated_agents(start, end)
    agents = found.agents[:limit]
    if as_json:
        lines = [agent._asdict() for agent in agents]
        click.echo(json.dumps({"from": f"{start}", "to": f"{end}", "agents": lines, "missed": found.missed}, indent=2))
        return
    if not agents:
        click.echo(_("No user agent was excluded from %(first)s to %(last)s.", first=start, last=end))
        return
    columns = [_("user agent"), _("class"), _("list"), _("pattern"), _("clicks")]
    rows = [
        [agent.name or agent.agent_id, agent.agent_class, agent.list_name, agent.pattern, agent.clicks]
        for agent in agents
    ]
    print_table(Table(_("User agents most often excluded"), columns, rows))


@robots_group.command("update")
@dry_run
@yes
@as_json
@with_appcontext
@explain_errors()
def robots_update(dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring the classes in the user-agent catalog up to date with the lists in force.

    These are the installed packages counter-robots and is-bot, the list of AI agents, and the patterns and exceptions
    of this instance. What changes is printed first. Stored events keep their classes: see `robots reclassify`.
    """
    changed = catalog_changes.find_changes(current_search_client)
    versions = catalog_changes.read_lists()
    if not as_json:
        print_table(
            table_of_facts(_("Lists in force"), _("list"), {name: {_("version"): v} for name, v in versions.items()})
        )
        _print_agents(changed)
    if changed and not (dry_run or yes):
        click.confirm(_("Write these classes to the catalog?"), abort=True, err=True)
    written = 0 if dry_run else catalog_changes.write_changes(current_search_client, changed)
    if as_json:
        facts = {"dry_run": dry_run, "lists": versions, "agents": facts_of(changed), "written": written}
        click.echo(json.dumps(facts, indent=2))
    elif changed and not dry_run:
        click.secho(
            _(
                "%(count)s user agents have new classes. Run `invenio stats robots reclassify` for their stored "
                "events.",
                count=written,
            ),
            fg="green",
        )


def _print_agents(agents: Sequence[KnownAgent]) -> None:
    if not agents:
        click.echo(_("All classes in the catalog are up to date."))
        return
    columns = [_("user agent"), _("class before"), _("class now"), _("list"), _("pattern")]
    rows = [
        [agent["agent"], agent["before"], agent["now"], agent["list"], agent["pattern"]]
        for agent in facts_of(agents[:MAX_LINES])
    ]
    print_table(Table(_("User agents with another class"), columns, rows, caption=count_rest(agents)))


robots_group.add_command(robots_reclassify)
