"""Define the commands `invenio stats ...` for operators, and for programs that read their JSON."""

import click

from invenio_stats.cli.aggregations import aggregations_group
from invenio_stats.cli.anomalies import anomalies_group
from invenio_stats.cli.archive import export_command, import_command
from invenio_stats.cli.completeness import daily_command, gaps_command
from invenio_stats.cli.corrections import corrections_group
from invenio_stats.cli.counter import counter_group
from invenio_stats.cli.dead_letters import dead_letters_group
from invenio_stats.cli.dropped_events import events_dropped
from invenio_stats.cli.events import events_group
from invenio_stats.cli.expiry import events_expire
from invenio_stats.cli.indices import indices_group
from invenio_stats.cli.monitoring import doctor_command, spool_group, status_command
from invenio_stats.cli.privacy import privacy_group
from invenio_stats.cli.quality import quality_command
from invenio_stats.cli.queries import queries_command, query_command
from invenio_stats.cli.rebuild import aggregations_rebuild
from invenio_stats.cli.robots import robots_group
from invenio_stats.cli.verify import verify_command


@click.group()
def stats() -> None:
    """Usage statistics: process and aggregate events, and monitor it."""


aggregations_group.add_command(aggregations_rebuild)
events_group.add_command(events_dropped)
events_group.add_command(events_expire)
for command in (
    events_group,
    aggregations_group,
    anomalies_group,
    corrections_group,
    counter_group,
    daily_command,
    dead_letters_group,
    doctor_command,
    export_command,
    gaps_command,
    import_command,
    indices_group,
    privacy_group,
    quality_command,
    queries_command,
    query_command,
    robots_group,
    spool_group,
    status_command,
    verify_command,
):
    stats.add_command(command)
