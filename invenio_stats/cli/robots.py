"""Define the commands about robots: `invenio stats robots`."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json, check_range, dry_run, first_of_days, from_option, to_option, yes
from invenio_stats.cli.reclassification import robots_reclassify
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_table, table_of_facts
from invenio_stats.cli.user_agents import MAX_LINES, count_rest, facts_of
from invenio_stats.errors import ConfigurationError
from invenio_stats.operations.quality.automated_agents import read_automated_agents
from invenio_stats.operations.reclassification import catalog_changes
from invenio_stats.operations.reclassification.robots_file import FileChange, compare_file, replace_file
from invenio_stats.privacy.user_agents.cache import as_if_listed, robots_file_path
from invenio_stats.privacy.user_agents.lists.file import read_file

_DEFAULT_DAYS = 365


def _read_file(ctx: click.Context, param: click.Parameter, value: str | None) -> Sequence[str] | None:
    """Return the patterns of a file; BadParameter names file, line or entry, value and cure."""
    try:
        return None if value is None else read_file(Path(value))
    except ConfigurationError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        text = _("%(path)s cannot be read: %(error)s.", path=value, error=reason)
        raise click.BadParameter(text, ctx, param) from error


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
    rows = [[agent.label, agent.agent_class, agent.list_name, agent.pattern, agent.clicks] for agent in agents]
    print_table(Table(_("User agents most often excluded"), columns, rows))


@robots_group.command("update")
@click.option(
    "--file",
    "patterns",
    metavar="PATH",
    callback=_read_file,
    help="Have these patterns of robots from now on: COUNTER's list as JSON, or a pattern on each line.",
)
@dry_run
@yes
@as_json
@with_appcontext
@explain_errors()
def robots_update(patterns: Sequence[str] | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring the classes in the user-agent catalog up to date with the lists in force.

    These are the installed packages counter-robots and is-bot, the list of AI agents, the file of robots, and the
    patterns and exceptions of this instance. With --file, these patterns replace those in the file of robots. What
    changes is printed first. Stored events keep their classes: see `robots reclassify`.
    """
    file = None if patterns is None else compare_file(patterns)
    with nullcontext() if file is None else as_if_listed(file.patterns):
        changed = catalog_changes.find_changes(current_search_client)
        versions = catalog_changes.read_lists()
        agents = facts_of(changed)
    if not as_json:
        _print_versions(versions)
        _print_file(file)
        _print_agents(agents)
    if not (dry_run or yes):
        _confirm_update(file, agents)
    if file is not None and file.is_change and not dry_run:
        _replace_file(file)
    written = 0 if dry_run else catalog_changes.write_changes(current_search_client, changed)
    if as_json:
        facts = {"dry_run": dry_run, "lists": versions, "agents": agents, "written": written}
        click.echo(json.dumps(facts if file is None else {**facts, "file": _facts_of_file(file)}, indent=2))
    elif changed and not dry_run:
        click.secho(
            _(
                "%(count)s user agents have new classes. Run `invenio stats robots reclassify` for their stored "
                "events.",
                count=written,
            ),
            fg="green",
        )


def _confirm_update(file: FileChange | None, agents: Sequence[Any]) -> None:
    """Ask, if there is anything to write."""
    if file is not None and file.is_change:
        click.confirm(_("Use these patterns from now on, in all processes?"), abort=True, err=True)
    elif agents:
        click.confirm(_("Write these classes to the catalog?"), abort=True, err=True)


def _replace_file(file: FileChange) -> None:
    try:
        replace_file(file.patterns)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise click.ClickException(
            _(
                "%(path)s cannot be written: %(error)s. Let this user write it, or set STATS_ROBOTS_FILE.",
                path=robots_file_path(),
                error=reason,
            )
        ) from error


def _facts_of_file(file: FileChange) -> dict[str, Any]:
    facts = {"path": str(robots_file_path()), "patterns": len(file.patterns)}
    return {**facts, "added": file.added, "removed": file.removed}


def _print_versions(versions: Mapping[str, str]) -> None:
    facts = {name: {_("version"): version} for name, version in versions.items()}
    print_table(table_of_facts(_("Lists in force"), _("list"), facts))


def _print_file(file: FileChange | None) -> None:
    if file is None:
        return
    if not file.is_change:
        click.echo(_("The file of robots has these patterns already."))
        return
    lines = [[pattern, _("new")] for pattern in file.added] + [[pattern, _("gone")] for pattern in file.removed]
    columns = [_("pattern"), _("change")]
    print_table(Table(_("Patterns of the file of robots"), columns, lines[:MAX_LINES], caption=count_rest(lines)))


def _print_agents(agents: Sequence[Mapping[str, Any]]) -> None:
    if not agents:
        click.echo(_("All classes in the catalog are up to date."))
        return
    columns = [_("user agent"), _("class before"), _("class now"), _("list"), _("pattern")]
    rows = [
        [agent["agent"], agent["before"], agent["now"], agent["list"], agent["pattern"]] for agent in agents[:MAX_LINES]
    ]
    print_table(Table(_("User agents with another class"), columns, rows, caption=count_rest(agents)))


robots_group.add_command(robots_reclassify)
