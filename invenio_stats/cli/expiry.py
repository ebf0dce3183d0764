"""Define the command that deletes old raw events: `invenio stats events expire`."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.options import as_json, dry_run, yes
from invenio_stats.cli.progress import bar
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_table
from invenio_stats.core.moments import iso
from invenio_stats.core.retention import Limit
from invenio_stats.definitions.numbers import LEAST_MONTHS, MOST_MONTHS
from invenio_stats.operations.retention import run
from invenio_stats.operations.retention.other_data import describe_other_data
from invenio_stats.operations.retention.plans import Expiry

logger = logging.getLogger(__name__)


@click.command("expire")
@click.option(
    "--older-than",
    type=click.IntRange(LEAST_MONTHS, 1200),
    metavar="MONTHS",
    help="Keep so many calendar months, the running one included. Default: STATS_RETENTION_EVENTS_MONTHS.",
)
@click.option("--override", metavar="REASON", help="Why events are kept for more than 25 months.")
@dry_run
@yes
@as_json
@with_appcontext
def events_expire(older_than: int | None, override: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete raw events that are older than so many calendar months, and that all totals hold; totals stay.

    Events that some total does not hold yet are kept, and the command says why. The search engine's own lifecycle
    policies are left to do what they do.
    """
    months = _check_months(older_than, override)
    with explain_errors():
        outcomes = list(run.plan_all(months, datetime.now(timezone.utc)))
        if not dry_run:
            if not yes and any(isinstance(found, Expiry) and found.events for _types, found in outcomes):
                _print(outcomes, would=True, err=True)
                click.confirm(_("Delete these raw events permanently?"), abort=True, err=True)
            with bar(_("Deleting"), as_json) as progress:
                events = sum(found.events for _types, found in outcomes if isinstance(found, Expiry))
                progress.begin(_("raw events"), events)
                outcomes = run.expire_all(months, _now, progress.advance)
    if as_json:
        others = {data.name: data.kept for data in describe_other_data()}
        facts = {"dry_run": dry_run, "months": months, "override": override}
        click.echo(json.dumps({**facts, "events": list(map(run.as_json, outcomes)), "other_data": others}, indent=2))
    else:
        _print(outcomes, would=dry_run)
        print_table(
            Table(
                _("Other data"),
                (_("data"), _("kept")),
                [(data.title, data.kept) for data in describe_other_data()],
            )
        )
    if any(isinstance(found, dict) for _types, found in outcomes):
        raise click.exceptions.Exit(1)


def _check_months(older_than: int | None, override: str | None) -> int:
    """Return the number of months; UsageError for so many that they need a reason."""
    if older_than is None:
        return run.configured_months()
    reason = override or current_app.config["STATS_RETENTION_OVERRIDE"]
    if older_than > MOST_MONTHS and not (reason or "").strip():
        raise click.UsageError(
            _(
                "--older-than %(months)s: raw events are personal data. Keep at most %(most)s months, or give the "
                "reason with --override.",
                months=older_than,
                most=MOST_MONTHS,
            )
        )
    if older_than > MOST_MONTHS:
        logger.info("Raw events are kept for longer", extra={"months": older_than, "reason": reason})
    return older_than


def _print(outcomes: Sequence[run.Outcome], would: bool, err: bool = False) -> None:
    for event_types, found in outcomes:
        if isinstance(found, dict):
            failed = _("failed: %(error)s", **found)
            click.secho(f"{', '.join(event_types)}: {failed}", fg="red", err=err)
            continue
        for event_type in event_types:
            click.secho(f"{event_type}: {_summary(found, event_type, would)}", fg="green", err=err)
        for limit in found.limits:
            click.secho(f"    {_kept_from(limit)} {explain_limit(limit)}", fg="yellow", err=err)
        for index, policy in found.policies.items():
            left = _("%(index)s is left to the search engine's policy %(policy)s.", index=index, policy=policy.name)
            click.secho(f"    {left}", fg="yellow", err=err)


def _summary(found: Expiry, event_type: str, would: bool) -> str:
    deletions = found.deletions.get(event_type, [])
    numbers: dict[str, Any] = {
        "events": sum(deletion.events for deletion in deletions),
        "indices": sum(deletion.is_whole for deletion in deletions),
        "parts": sum(not deletion.is_whole for deletion in deletions),
        "until": iso(found.until)[:10],
    }
    if not deletions:
        deadline = iso(found.deadline)[:10]
        if found.limits:
            return _("events before %(deadline)s cannot be deleted yet", deadline=deadline)
        return _("no events before %(deadline)s to delete", deadline=deadline)
    text = _("%(events)s events before %(until)s would be deleted", **numbers) if would else None
    text = text or _("%(events)s events before %(until)s deleted", **numbers)
    how = _("%(indices)s whole indices, parts of %(parts)s", **numbers)
    return f"{text} ({how})"


def _kept_from(limit: Limit) -> str:
    day = run.day_of(limit)
    return _("All are kept:") if day is None else _("Kept from %(day)s on:", day=day)


def explain_limit(limit: Limit) -> str:
    """Return why events are kept."""
    texts = {
        "never_counted": _("%(by)s has never counted. Run it, or remove it from STATS_AGGREGATIONS."),
        "unknown_class": _("the class of %(by)s does not say how far it has counted."),
        "not_counted": _("%(by)s has not counted all events yet; a run in a few minutes does."),
        "quarantined": _("a total of %(by)s cannot be written; `invenio stats doctor` says more."),
        "being_counted": _(
            "%(by)s is at work, or was killed less than STATS_LEASE_SECONDS ago. Run the command again later."
        ),
        "being_deleted": _(
            "another run deletes these events, or was killed less than STATS_LEASE_SECONDS ago. Run the command again "
            "later."
        ),
        "rebuild": _("a rebuild of %(by)s was interrupted. Run it again to its end."),
        "reclassification": _("a reclassification was interrupted. Run `%(by)s` to its end."),
        "exclusion": _("a decision about the events of %(by)s was interrupted. Run the command again to its end."),
        "not_closed": _("COUNTER's month %(by)s is not closed yet."),
        "compaction": _("%(by)s is being compacted. Run the command again."),
        "snapshot": _("a snapshot of indices of %(by)s is being made. Run the command again when it has ended."),
        "closed_index": _("the index %(by)s is closed. Open it, or delete it."),
        "read_only_index": _("the index %(by)s is read-only. Free space on the disk, or take its block away."),
    }
    return texts[limit.reason] % {"by": limit.by}


def _now() -> datetime:
    return datetime.now(timezone.utc)
