"""Define the arguments and options that commands share, and how they print results."""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import click
from flask import current_app
from flask.cli import ScriptInfo
from flask_babel import gettext as _

from invenio_stats.core.moments import parse_calendar
from invenio_stats.proxies import current_stats


def _known(kind: str, known: Callable[[], Any]) -> Callable[..., tuple[str, ...]]:
    """Return a callback that rejects types which are not known, and returns all known ones if none is given."""

    def check(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
        if not current_app:  # arguments are parsed before the command pushes its application context
            ctx.with_resource(ctx.ensure_object(ScriptInfo).load_app().app_context())
        names = list(known())
        unknown = [name for name in value if name not in names]
        if unknown:
            raise click.UsageError(
                f"Invalid {kind} type(s): {', '.join(unknown)}. "
                + _("Configured: %(names)s.", names=", ".join(names) or _("none")),
                ctx,
            )
        return value or tuple(names)

    return check


def _date(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Return a date in UTC; a year or month alone means its first day."""
    try:
        return None if value is None else parse_calendar(value)
    except ValueError as error:
        text = _("%(value)s is not a date. Write it as 2026-01-31, 2026-01 or 2026.", value=repr(value))
        raise click.BadParameter(text, ctx, param) from error


def types_argument(kind: str, known: Callable[[], Any]) -> Callable[..., Any]:
    """Return the argument for any number of types; it is all known types if none is given."""
    return click.argument(f"{kind}-types".replace("-", "_"), nargs=-1, callback=_known(kind, known))


def type_argument(kind: str, known: Callable[[], Any]) -> Callable[..., Any]:
    """Return the argument for one type."""
    check = _known(kind, known)
    return click.argument(f"{kind}_type", callback=lambda ctx, param, value: check(ctx, param, (value,))[0])


event_types = types_argument("event", lambda: current_stats.events_config)
event_type = type_argument("event", lambda: current_stats.events_config)
aggregation_types = types_argument("aggregation", lambda: current_stats.aggregations_config)


class _DateOption(click.Option):
    """A date in UTC with two names: the first is documented, the second is accepted for compatibility."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the help with the documented name only."""
        return f"{self.opts[0]} DATE", self.help or ""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Return the documented name, for messages."""
        return f"'{self.opts[0]}'"


def date_option(*names: str, help: str, required: bool = False) -> Callable[..., Any]:
    """Return an option with a date in UTC."""
    return click.option(*names, cls=_DateOption, callback=_date, required=required, help=help)


def from_option(default: str = "", required: bool = False) -> Callable[..., Any]:
    """Return the option --from for the first date of a range, `first`; releases before 7.10 call it --start-date."""
    text = f"First date, inclusive (UTC): 2026, 2026-01, 2026-01-31. {default}".strip()
    return date_option("--from", "--start-date", "first", help=text, required=required)


def to_option(default: str = "", required: bool = False) -> Callable[..., Any]:
    """Return the option --to for the last date of a range, `last`; releases before 7.10 call it --end-date."""
    text = f"Last date, inclusive (UTC). {default}".strip()
    return date_option("--to", "--end-date", "last", help=text, required=required)


eager = click.option("--eager", "-e", is_flag=True, help="Run in this process instead of sending a task to a worker.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
dry_run = click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
yes = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def check_text(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a text that is stored or hashed: callback that refuses what is no text."""
    try:
        (value or "").encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter(_("It has bytes that are no UTF-8 text."), ctx, param) from error
    return value


def check_range(first: date | None, last: date | None) -> None:
    """Raise UsageError for a range that ends before it starts."""
    if first and last and first > last:
        raise click.UsageError(
            _("--from %(first)s is after --to %(last)s; swap them.", first=_shown(first), last=_shown(last))
        )


def first_of_days(last: date, days: int) -> date:
    """Return the first of so many days that end with `last`; the calendar's first day if there are not so many."""
    return date.fromordinal(max(1, last.toordinal() - days + 1))


def _shown(moment: date) -> str:
    """Return a date as it is typed: without the time, unless it has one."""
    return moment.isoformat().removesuffix("+00:00").removesuffix("T00:00:00")


def print_task(what: str, task: Any, as_json: bool) -> None:
    """Print the id of a task that was sent to a worker."""
    if as_json:
        click.echo(json.dumps({"task": task.id}))
    else:
        click.secho(_("%(what)s task sent: %(id)s.", what=what, id=task.id), fg="yellow")


def report(results: dict[str, Any], as_json: bool, line: Callable[[Any], str], success: str) -> None:
    """Print what each run did, and `success` if nothing failed; exit 1 when a run failed."""
    failed = [name for name, result in results.items() if isinstance(result, dict)]
    if as_json:
        click.echo(json.dumps(results))
    else:
        for name, result in results.items():
            text = _("failed: %(error)s", **result) if name in failed else line(result)
            click.secho(f"{name}: {text}", fg="red" if name in failed else "green")
    if failed:
        if not as_json:
            click.echo(_("The log has the reason; `invenio stats doctor` says whether a service is away."), err=True)
        raise click.exceptions.Exit(1)
    if not (as_json or any(map(_has_failures, results.values()))):
        click.secho(success, fg="green")


def _has_failures(result: Any) -> bool:
    """Return True if a run's result, a pair of (done, failed) or a list of pairs, has failures."""
    pairs = result if isinstance(result, list) else [result]
    return any(isinstance(pair, tuple) and len(pair) == 2 and bool(pair[1]) for pair in pairs)
