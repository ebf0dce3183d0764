"""Checks of the doctor: whether months can be closed."""

from collections.abc import Callable, Sequence

from flask_babel import gettext as _

from invenio_stats.counter.closing.sources import find_sources
from invenio_stats.errors import CounterSetupError
from invenio_stats.operations.monitoring.findings import Finding
from invenio_stats.proxies import current_stats


def months_checks() -> Sequence[Callable[[], Finding]]:
    """Return the checks; none if there are no COUNTER reports."""
    return () if current_stats.counter_platform is None else (check_counter_sources,)


def check_counter_sources() -> Finding:
    """Check that there are the totals that months are made from."""
    try:
        find_sources()
    except CounterSetupError as error:
        return Finding(
            "counter_sources",
            "error",
            _("No month can be closed for COUNTER reports: an aggregation is missing."),
            str(error),
        )
    return Finding("counter_sources", "ok", _("COUNTER reports have the totals that they are made from."))
