"""Have totals counted again whose events were corrected."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from invenio_stats.aggregations import breakdowns_among
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.errors import StatsError
from invenio_stats.operations import runner
from invenio_stats.proxies import current_stats
from invenio_stats.totals.attributes import rewind_bookmark


def recount_events(event_types: Iterable[str], since: datetime) -> None:
    """Count the totals again whose events have changed since a moment; StatsError if a run fails.

    The bookmarks go back to that moment: a run that was at work meanwhile may have passed it.
    """
    names = [
        name
        for name, definition in current_stats.aggregations.items()
        if not definition.event_types or {*definition.event_types} & {*event_types}
    ]
    last = breakdowns_among({name: current_stats.aggregations[name] for name in names})
    for name in [*(name for name in names if name not in last), *last]:
        for aggregator in make_aggregators(name).values():
            rewind_bookmark(aggregator, since)
        for run_name, result in runner.aggregate_with_automated(name).items():
            _check(run_name, result)


def _check(run_name: str, result: Any) -> None:
    """Raise StatsError if a run has failed, or could not write some of its totals, which a later run tries again."""
    if isinstance(result, dict):
        reason = str(result.get("error"))
    else:
        pairs = [pair for pair in result or () if isinstance(pair, tuple) and len(pair) == 2]
        failed = sum(int(pair[1]) for pair in pairs)
        if not failed:
            return
        reason = _("totals that could not be written: %(count)s", count=failed)
    raise StatsError(
        _(
            "%(name)s could not be counted (%(reason)s); the log says more. Run the command again.",
            name=run_name,
            reason=reason,
        )
    )
