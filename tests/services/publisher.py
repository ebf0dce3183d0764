"""A process that publishes until it is killed: `python -m tests.services.publisher`, settings as JSON on its input."""

import itertools
import json
import sys

from tests.conftest import create_light_app


def main() -> None:
    """Publish views one by one; print each number when `publish` has returned."""
    from invenio_stats.contrib.config import EVENTS_CONFIG
    from invenio_stats.proxies import current_stats

    settings = json.loads(sys.stdin.readline())
    with create_light_app(**settings, STATS_EVENTS=EVENTS_CONFIG).app_context():
        print("ready", flush=True)  # noqa: T201 - the test reads it
        for number in itertools.count():
            event = {"timestamp": "2026-11-02T10:00:00", "pid_type": "recid", "pid_value": str(number)}
            current_stats.publish("record-view", [event])
            print(number, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
