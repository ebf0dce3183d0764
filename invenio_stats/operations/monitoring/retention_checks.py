"""Checks of the doctor: raw events that are overdue, and indices that the search engine deletes by itself."""

from datetime import datetime, timezone

from flask import current_app
from flask_babel import gettext as _
from invenio_search import current_search_client
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.moments import iso
from invenio_stats.core.retention import find_deadline
from invenio_stats.operations.monitoring.findings import Finding
from invenio_stats.operations.monitoring.raw_events import event_sources, find_oldest_events
from invenio_stats.operations.monitoring.schedule import is_scheduled
from invenio_stats.proxies import current_stats
from invenio_stats.search.aliases import indices_of
from invenio_stats.search.lifecycle import find_policies

_MAX_NAMES = 5
"""Indices that a finding names."""


def check_retention() -> Finding:
    """Check that no raw events are older than they should be."""
    months = current_app.config["STATS_RETENTION_EVENTS_MONTHS"]
    deadline = find_deadline(datetime.now(timezone.utc), months)
    found = find_oldest_events(current_search_client)
    oldest = {event_type: moment for event_type, moment in found.items() if moment < deadline}
    if oldest:
        listed = "; ".join(f"{name}: {iso(moment)[:10]}" for name, moment in oldest.items())
        return Finding(
            "retention",
            "warning",
            _("Raw events are older than %(months)s calendar months: %(names)s.", months=months, names=listed),
            _("`stats events expire --dry-run` says what keeps them.")
            if is_scheduled("expire_events")
            else _("See `stats events expire --dry-run`, then schedule StatsExpireTask. Totals stay."),
        )
    return Finding("retention", "ok", _("No raw event is older than %(months)s calendar months.", months=months))


def check_lifecycle() -> Finding:
    """Check that the search engine deletes nothing by itself: it does not ask whether totals hold the events."""
    raw = {index for source in event_sources() for index in source.find_indices(current_search_client)}
    totals = {definition.totals_alias for definition in current_stats.aggregations.values()} - {None}
    others = {
        index for name in (*totals, *names.OWN) for index in indices_of(current_search_client, prefix_index(name))
    }
    policies = find_policies(current_search_client, sorted(raw | others))
    deleting = {index: policy.name for index, policy in policies.items() if policy.deletes}
    numbers = sorted(deleting.keys() - raw)
    if numbers:
        return Finding(
            "lifecycle",
            "error",
            _("A policy of the search engine deletes indices that are no raw events: %(names)s.", names=_some(numbers)),
            _("Take these indices out of the policy: numbers that it deletes are lost."),
        )
    if deleting:
        return Finding(
            "lifecycle",
            "warning",
            _(
                "The search engine deletes raw events by itself, by its policy %(policies)s: %(names)s.",
                policies=", ".join(sorted(set(deleting.values()))),
                names=_some(sorted(deleting)),
            ),
            _("It does not ask whether all totals hold them. Remove the policy, and schedule StatsExpireTask."),
        )
    return Finding("lifecycle", "ok", _("The search engine deletes no index by itself, as far as it says."))


def _some(indices: list[str]) -> str:
    """Return the first names of many."""
    more = len(indices) - _MAX_NAMES
    return ", ".join(indices[:_MAX_NAMES]) + (f" (+{more})" if more > 0 else "")
