"""Runs that are killed at a request: `python -m tests.services.mortal`, settings as JSON on its first line of input.

For each further line it forks a process that does one thing, with its clock set, and kills itself (SIGKILL) in place of
a request to the engine; it prints whether the process came to its end.
"""

import json
import os
import signal
import sys
from datetime import datetime
from typing import Any

from tests.conftest import create_light_app


def main() -> None:
    """Read, fork, wait, print."""
    settings = json.loads(sys.stdin.readline())
    events, aggregations = shipped()
    app = create_light_app(**settings, STATS_EVENTS=events, STATS_AGGREGATIONS=aggregations, STATS_QUERIES={})
    print("ready", flush=True)  # noqa: T201 - the test reads it
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            live(app, **json.loads(line))
        _, status = os.waitpid(pid, 0)
        assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
        print(json.dumps(os.WIFEXITED(status)), flush=True)  # noqa: T201


def shipped() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configuration of events and of the usage of items."""
    from invenio_stats.contrib.config import EVENTS_CONFIG, USAGE_AGGREGATIONS

    return EVENTS_CONFIG, USAGE_AGGREGATIONS


def live(app: Any, does: str, now: str, requests: int) -> None:
    """Do one thing, and end; if it gets that far, by a kill in place of this request. 0 is none."""
    status = 1
    try:
        with app.app_context():
            set_clock(datetime.fromisoformat(now))
            die_at(requests)
            DEEDS[does](datetime.fromisoformat(now))
        status = 0
    finally:
        os._exit(status)


def set_clock(now: datetime) -> None:
    """Set the clock of runs."""
    from invenio_stats import aggregations

    class Replaced(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return now

    setattr(aggregations, "datetime", Replaced)  # noqa: B010 - as the tests of instances do


def die_at(requests: int) -> None:
    """Kill this process in place of its nth request."""
    from invenio_search import current_search_client

    transport = current_search_client.transport
    perform, sent = transport.perform_request, []

    def count(*args: Any, **kwargs: Any) -> Any:
        sent.append(args)
        if len(sent) == requests:
            os.kill(os.getpid(), signal.SIGKILL)
        return perform(*args, **kwargs)

    transport.perform_request = count


def run(name: str) -> None:
    """Run an aggregation; an error ends the process."""
    from invenio_stats.definitions.aggregators import make_aggregators

    make_aggregators(name)[name].run()


def find_gaps(now: datetime) -> None:
    """Find the gaps of views, of which a hundred were refused on one day."""
    from invenio_search import current_search_client

    from invenio_stats.completeness.gaps import find_gaps as find
    from tests.services.test_usage_kills import MISSING

    find(current_search_client, "record-view", MISSING, now)


def expire(now: datetime) -> None:
    """Delete the raw events of the months before the running one."""
    from invenio_search import current_search_client

    from invenio_stats.core.retention import find_deadline
    from invenio_stats.operations.retention.deletion import expire as delete
    from invenio_stats.operations.retention.groups import find_groups

    for group in find_groups():
        delete(current_search_client, group, find_deadline(now, 1), lambda: now)


def close_months(now: datetime) -> None:
    """Close the months that are due for COUNTER reports; what is known of the runs is in a cache of this process."""
    from invenio_search import current_search_client

    from invenio_stats.counter.closing.closing import Closing
    from invenio_stats.counter.closing.sources import find_sources
    from invenio_stats.operations.monitoring import last_runs
    from invenio_stats.proxies import current_stats

    for event_type in find_sources().event_types:
        last_runs.remember_emptied(event_type, now)
    for name in current_stats.aggregations:
        last_runs.note("aggregations", name, lambda: None)
    closing = Closing(current_search_client, lambda: now)
    for outcome in closing.close(closing.find_due()):
        assert outcome.is_closed, outcome.obstacles


def restate_january(now: datetime) -> None:
    """Restate January 2026."""
    from invenio_search import current_search_client

    from invenio_stats.counter.closing.restatement import restate

    restate(current_search_client, "2026-01", "late events", lambda: now)


DEEDS = {
    "close": close_months,
    "restate": restate_january,
    "expire": expire,
    "items": lambda now: run("item-usage-agg"),
    "records": lambda now: run("record-usage-agg"),
    "breakdowns": lambda now: run("usage-breakdown-agg"),
    "gaps": find_gaps,
}


if __name__ == "__main__":
    main()
