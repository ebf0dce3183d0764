"""Define the commands of COUNTER reports: `invenio stats counter ...`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.counter.checking import check_command
from invenio_stats.cli.counter.deposit import deposit_command
from invenio_stats.cli.counter.months import close_command, prune_command, restate_command, status_command
from invenio_stats.cli.counter.reports import report_command
from invenio_stats.cli.counter.requestors import requestors_group
from invenio_stats.proxies import current_stats


@click.group("counter")
def counter_group() -> None:
    """COUNTER reports: close months, make reports, serve and deposit them."""


def _need_reports(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a command does, behind the check of the settings: whoever asks for help needs none."""

    @wraps(callback)
    def checked(*args: Any, **options: Any) -> Any:
        if current_stats.counter_platform is None:
            raise click.UsageError(
                _("There are no COUNTER reports. Set STATS_COUNTER_PLATFORM and STATS_COUNTER_PLATFORM_ID.")
            )
        return callback(*args, **options)

    return with_appcontext(checked)


_COMMANDS = (close_command, deposit_command, prune_command, report_command, restate_command, status_command)
for command in (*_COMMANDS, *requestors_group.commands.values()):
    assert command.callback is not None
    command.callback = _need_reports(command.callback)
for command in (*_COMMANDS, requestors_group, check_command):  # a report may be checked where none are made
    counter_group.add_command(command)
