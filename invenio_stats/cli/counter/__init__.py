"""Define the commands of COUNTER reports: `invenio stats counter ...`."""

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.counter.deposit import deposit_command
from invenio_stats.cli.counter.months import close_command, prune_command, restate_command, status_command
from invenio_stats.cli.counter.reports import report_command
from invenio_stats.cli.counter.requestors import requestors_group
from invenio_stats.proxies import current_stats


@click.group("counter")
@with_appcontext
def counter_group() -> None:
    """COUNTER reports: close months, make reports, serve and deposit them."""
    if current_stats.counter_platform is None:
        raise click.UsageError(
            _("There are no COUNTER reports. Set STATS_COUNTER_PLATFORM and STATS_COUNTER_PLATFORM_ID.")
        )


for command in (
    close_command,
    deposit_command,
    prune_command,
    report_command,
    requestors_group,
    restate_command,
    status_command,
):
    counter_group.add_command(command)
