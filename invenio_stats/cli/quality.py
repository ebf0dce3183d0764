"""Define the command that tells how far the numbers can be trusted: `invenio stats quality`."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.options import as_json, check_range, first_of_days, from_option, to_option
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_table
from invenio_stats.completeness.answers import fresh_answer_state
from invenio_stats.core.moments import iso_zoned, to_second
from invenio_stats.operations.quality.automated_agents import AutomatedAgents, read_automated_agents
from invenio_stats.operations.quality.completeness import MAX_DAYS, Completeness, explain_gap, read_completeness
from invenio_stats.operations.quality.freshness import Freshness, read_freshness
from invenio_stats.operations.quality.left_out import LeftOut, read_left_out
from invenio_stats.operations.quality.versions import read_versions

_DEFAULT_DAYS = 365


@click.command("quality")
@from_option("Default: a year before the last date.")
@to_option("Default: yesterday.")
@as_json
@with_appcontext
@explain_errors()
def quality_command(first: datetime | None, last: datetime | None, as_json: bool) -> None:
    """Print how far the numbers of a range of days can be trusted: fresh, complete, what was left out, by which rules.

    The table of user agents, those most often excluded as automated, shows whether a list has caught a person's.
    """
    now = datetime.now(timezone.utc)
    end = last.date() if last else now.date() - timedelta(days=1)
    start = first.date() if first else first_of_days(end, _DEFAULT_DAYS)
    check_range(start, end)
    if (end - start).days >= MAX_DAYS:
        raise click.UsageError(_("The range has more than %(days)s days; ask for less.", days=MAX_DAYS))
    freshness = read_freshness(now, fresh_answer_state)
    completeness = read_completeness(start, end, now, fresh_answer_state)
    left_out, agents = read_left_out(start, end), read_automated_agents(start, end)
    versions = read_versions()
    if as_json:
        parts = {
            "from": start,
            "to": end,
            "freshness": _dicts(freshness),
            "days": {day.isoformat(): state for day, state in completeness.days.items()},
            "gaps": [gap.as_dict() for gap in completeness.gaps],
            "counted": left_out.counted,
            "left_out": _dicts(left_out.rows),
            "agents": _dicts(agents.agents),
            "agents_missed": agents.missed,
            "versions": _dicts(versions),
        }
        click.echo(json.dumps(parts, indent=2, default=_as_text))
        return
    _print_freshness(freshness)
    _print_completeness(completeness)
    _print_left_out(left_out)
    _print_agents(agents)
    columns = [_("what"), _("version"), _("since")]
    rows = [[known.what, known.version, _as_text(known.since)] for known in versions]
    print_table(Table(_("Rules and lists in force"), columns, rows))


def _print_freshness(freshness: Sequence[Freshness]) -> None:
    columns = [_("name"), _("state"), _("last run"), _("counted up to"), _("waiting")]
    rows = [
        [line.name, line.state, _as_text(line.last_run), _as_text(line.counted_to), line.waiting] for line in freshness
    ]
    nothing = _("No event type and no aggregation is configured.")
    print_table(Table(_("Are the numbers fresh?"), columns, rows, if_empty=nothing))


def _print_completeness(completeness: Completeness) -> None:
    states = Counter(completeness.days.values())
    caption = _(
        "Days counted: %(counted)s; in part: %(in_part)s; not counted: %(not_counted)s.",
        counted=states["counted"],
        in_part=states["in_part"],
        not_counted=states["not_counted"],
    )
    columns = [_("event type"), _("from"), _("to"), _("reason"), _("why")]
    rows = [
        [gap.event_type, gap.first.isoformat(), gap.last.isoformat(), gap.reason, explain_gap(gap)]
        for gap in completeness.gaps
    ]
    nothing = _("No events of these days are known to be missing.")
    title = _("Are the numbers complete?")
    print_table(Table(title, columns, rows, optional=[_("why")], caption=caption, if_empty=nothing))


def _print_left_out(left_out: LeftOut) -> None:
    columns = [_("reason"), _("clicks"), _("share of all, %")]
    rows = [[row.kind, row.clicks, f"{100 * row.share:.1f}"] for row in left_out.rows]
    caption = _(
        "Clicks that count: %(counted)s; left out: %(clicks)s.", counted=left_out.counted, clicks=left_out.clicks
    )
    print_table(Table(_("What was left out"), columns, rows, caption=caption, if_empty=_("Nothing was left out.")))


def _print_agents(found: AutomatedAgents) -> None:
    columns = [_("user agent"), _("class"), _("list"), _("pattern"), _("clicks")]
    rows = [[agent.label, agent.agent_class, agent.list_name, agent.pattern, agent.clicks] for agent in found.agents]
    caption = _("Each number may be up to %(missed)s too small.", missed=found.missed) if found.missed else ""
    nothing = _("No user agent was excluded as automated.")
    print_table(Table(_("User agents most often excluded"), columns, rows, caption=caption, if_empty=nothing))


def _dicts(lines: Sequence[Any]) -> list[dict[str, Any]]:
    return [line._asdict() for line in lines]


def _as_text(value: Any) -> str | None:
    if isinstance(value, datetime):
        return iso_zoned(to_second(value))
    return value.isoformat() if isinstance(value, date) else None
