"""Define the commands about unusual days and months: `invenio stats anomalies`."""

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Literal

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json, check_range, check_text, dry_run, from_option, to_option, yes
from invenio_stats.cli.progress import bar
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_table, table_of_facts, table_of_months
from invenio_stats.core.anomalies import STATES, Anomaly, is_id
from invenio_stats.operations import anomaly_decisions
from invenio_stats.operations.anomalies.detection.detection import examine_range
from invenio_stats.operations.anomalies.profile import Profile, read_profile
from invenio_stats.operations.anomalies.store import read_anomalies, read_anomaly

anomaly_id = click.argument("anomaly_id", metavar="ID")


def _not_blank(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter(_("Write why. Everybody may read it."), ctx, param)
    check_text(ctx, param, value)
    return value


needed_note = click.option("--note", required=True, callback=_not_blank, help="Why. Everybody may read it.")


@click.group("anomalies")
def anomalies_group() -> None:
    """See unusual days and months, and decide whether their events count."""


@anomalies_group.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state. Default: all.")
@as_json
@with_appcontext
@explain_errors()
def anomalies_list(state: Any, as_json: bool) -> None:
    """Print unusual days and months, the latest first, with what was decided."""
    found = read_anomalies(current_search_client, state)
    if as_json:
        click.echo(json.dumps([_facts(anomaly) for anomaly in found], indent=2))
        return
    if not found:
        click.echo(_("No unusual day or month has this state.") if state else _("No unusual day or month was found."))
        return
    columns = [_("id"), _("what"), _("value"), _("uses"), _("usually"), _("state"), _("note")]
    rows = [
        [anomaly.id, anomaly.what, anomaly.value, anomaly.number, _usually(anomaly), _state(anomaly), anomaly.note]
        for anomaly in found
    ]
    print_table(Table(_("Unusual days and months"), columns, rows, optional=[_("note")]))


@anomalies_group.command("show")
@anomaly_id
@as_json
@with_appcontext
@explain_errors()
def anomalies_show(anomaly_id: str, as_json: bool) -> None:
    """Print what is known of one, and what its raw events consist of.

    These are the items, countries, referring hosts and user agents with the most events, and the hours of the day.
    """
    anomaly = _find(anomaly_id)
    profile = read_profile(current_search_client, anomaly) if anomaly.is_day else None
    if as_json:
        click.echo(json.dumps({**_facts(anomaly), "profile": profile and profile._asdict()}, indent=2))
        return
    print_table(Table(anomaly.id, [_("what"), _("value")], [[*fact] for fact in _facts(anomaly).items()]))
    if profile is not None:
        _print_profile(profile)


@anomalies_group.command("exclude")
@anomaly_id
@needed_note
@click.option("--item", callback=check_text, help="Only events of this item.")
@click.option("--agent-class", callback=check_text, help="Only events of this class of agents.")
@click.option(
    "--country", callback=check_text, help="Only events from this country; '' for those of which it is not known."
)
@click.option("--host", callback=check_text, help="Only events with this referring host; '' for those without any.")
@dry_run
@yes
@as_json
@with_appcontext
@explain_errors()
def anomalies_exclude(
    anomaly_id: str, note: str, dry_run: bool, yes: bool, as_json: bool, **narrowed: str | None
) -> None:
    """Take the events of an unusual day out of all numbers; `include` brings them back.

    What changes is printed first. The options narrow it to some of the events. The same command completes an
    interrupted one, and so does the nightly task.
    """
    anomaly, now = _find(anomaly_id), datetime.now(timezone.utc)
    values = _choose_events(anomaly, {name: value for name, value in narrowed.items() if value is not None})
    planned = anomaly_decisions.preview(current_search_client, anomaly, values, now)
    if not as_json:
        click.echo(_("Events to exclude: %(count)s.", count=planned.documents))
        if planned.months:
            print_table(table_of_months(_("Change by month"), planned.months))
    if not (dry_run or yes):
        click.confirm(_("Exclude these events?"), abort=True, err=True)
    if not dry_run:
        anomaly = anomaly_decisions.exclude(current_search_client, anomaly, values, note, now)
    if as_json:
        facts = {"dry_run": dry_run, "documents": planned.documents, "months": planned.months}
        click.echo(json.dumps({**facts, "anomaly": _facts(anomaly)}, indent=2))
    elif not dry_run:
        click.secho(_("The events are excluded, and the totals of the day counted again."), fg="green")


@anomalies_group.command("include")
@anomaly_id
@click.option("--note", default="", callback=check_text, help="Why. Everybody may read it.")
@as_json
@with_appcontext
@explain_errors()
def anomalies_include(anomaly_id: str, note: str, as_json: bool) -> None:
    """Bring back the events that were excluded; the day waits for a decision again."""
    _include(anomaly_id, "open", note, as_json)


@anomalies_group.command("keep")
@anomaly_id
@needed_note
@as_json
@with_appcontext
@explain_errors()
def anomalies_keep(anomaly_id: str, note: str, as_json: bool) -> None:
    """Keep the numbers as they are; events that were excluded count again."""
    _include(anomaly_id, "kept", note, as_json)


@anomalies_group.command("find")
@from_option("Default: 30 days before the last date.")
@to_option("Default: the last finished day.")
@as_json
@with_appcontext
@explain_errors()
def anomalies_find(first: datetime | None, last: datetime | None, as_json: bool) -> None:
    """Look for unusual days in a range, as the nightly task does for those that are new."""
    check_range(first, last)
    days = (edge and edge.date() for edge in (first, last))
    with bar(_("Looking at days"), as_json) as progress:
        found = examine_range(current_search_client, *days, datetime.now(timezone.utc), progress.set)
    click.echo(json.dumps({"found": found}) if as_json else _("Unusual numbers found: %(count)s.", count=found))


def _include(anomaly_id: str, state: Literal["open", "kept"], note: str, as_json: bool) -> None:
    anomaly = _find(anomaly_id)
    decided = anomaly_decisions.include(current_search_client, anomaly, state, note, datetime.now(timezone.utc))
    if as_json:
        click.echo(json.dumps(_facts(decided), indent=2))
    else:
        click.secho(f"{decided.id}: {_state(decided)}", fg="green")


def _choose_events(anomaly: Anomaly, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the events to exclude; UsageError if none can be, or a value is given twice."""
    obstacle = anomaly_decisions.explain_obstacle(anomaly)
    if obstacle is not None:
        raise click.UsageError(obstacle)
    values = anomaly_decisions.choose_events(anomaly, given)
    if not given.items() <= values.items():
        raise click.UsageError(
            _("%(id)s is about %(value)s; leave out the other one.", id=anomaly.id, value=repr(anomaly.value))
        )
    return values


def _find(anomaly_id: str) -> Anomaly:
    anomaly = read_anomaly(current_search_client, anomaly_id) if is_id(anomaly_id) else None
    if anomaly is None:
        text = _("There is no %(id)s. `invenio stats anomalies list` prints the ids.", id=repr(anomaly_id))
        raise click.BadParameter(text, param_hint="ID")
    return anomaly


def _facts(anomaly: Anomaly) -> dict[str, Any]:
    return {"id": anomaly.id, **anomaly.as_source()}


def _usually(anomaly: Anomaly) -> str:
    return f"{anomaly.usual:.1f}".removesuffix(".0")


def _state(anomaly: Anomaly) -> str:
    """Return the state in a word, and whether its events are still being changed."""
    return anomaly.state if anomaly.is_done else _("%(state)s, not finished", state=anomaly.state)


def _print_profile(profile: Profile) -> None:
    if not profile.events:
        click.echo(_("Its raw events are not stored any more."))
        return
    for name, values in profile.parts.items():
        if values:
            facts: Mapping[str, Mapping[str, Any]] = {known: {_("events"): count} for known, count in values.items()}
            print_table(table_of_facts(name.replace("_", " "), _("value"), facts))
    hours = ", ".join(f"{hour:02} {count}" for hour, count in enumerate(profile.hours) if count)
    click.echo(_("By hour (UTC): %(hours)s.", hours=hours))
    counts = {"events": profile.events, "visitors": profile.visitors}
    click.echo(_("Events: %(events)s; different visitors, about: %(visitors)s.", **counts))
