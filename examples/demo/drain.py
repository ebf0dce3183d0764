"""Let the worker process the queues and aggregate, and wait for both: `python -m demo.drain`.

Writes `status.json` into the instance's folder: what `invenio stats status` says afterwards.
"""

import json
from datetime import datetime, timezone
from pathlib import Path

from flask import current_app
from invenio_app.celery import celery
from invenio_search import current_search_client
from invenio_search.utils import prefix_index

from demo.processes import WORK_PATIENCE
from invenio_stats.operations.monitoring.status import aggregations_status, events_status
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import aggregate_events, daily, process_events


def main() -> None:
    """Run the tasks in the worker, in the order of the flow."""
    with celery.flask_app.app_context():
        process_events.delay(list(current_stats.events_config)).get(timeout=WORK_PATIENCE)
        # What was stored this second is found by the next refresh only; the last totals should not wait for it.
        current_search_client.indices.refresh(index=prefix_index("events-stats-*"))
        aggregate_events.delay(list(current_stats.aggregations_config)).get(timeout=WORK_PATIENCE)
        daily.delay().get(timeout=WORK_PATIENCE)
        current_search_client.indices.refresh(index=prefix_index("stats-*"))
        now = datetime.now(timezone.utc)
        status = {"events": events_status(now), "aggregations": aggregations_status(now)}
        Path(current_app.instance_path, "status.json").write_text(json.dumps(status, indent=1))


if __name__ == "__main__":
    main()
