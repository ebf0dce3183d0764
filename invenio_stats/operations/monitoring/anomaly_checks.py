"""Check of the doctor: unusual days that wait for a person's decision."""

from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.operations.anomalies.store import count_open
from invenio_stats.operations.monitoring.findings import Finding


def check_anomalies() -> Finding:
    """Check that a person has decided about all unusual days and months."""
    waiting = count_open(current_search_client)
    if waiting:
        return Finding(
            "anomalies",
            "warning",
            _("Unusual days and months that wait for a decision: %(count)s.", count=waiting),
            _("`stats anomalies list --state open` names them; exclude their events, or keep them."),
        )
    return Finding("anomalies", "ok", _("No unusual day waits for a decision."))
