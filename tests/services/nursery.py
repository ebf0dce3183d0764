"""Workers that can be killed: `python -m tests.services.nursery`, settings as JSON on its first line of input.

For each further line it forks a worker that processes and aggregates until it is killed or finds nothing, and prints
the worker's process id; "wait" waits for all of them.
"""

import json
import os
import sys

from tests.conftest import create_light_app


def main() -> None:
    """Read, fork, print."""
    settings = json.loads(sys.stdin.readline())
    app = create_light_app(**settings["app"])
    print("ready", flush=True)  # noqa: T201 - the test reads it
    for line in sys.stdin:
        if line.strip() == "wait":
            while True:
                try:
                    os.wait()
                except ChildProcessError:
                    break
            print("done", flush=True)  # noqa: T201
            continue
        pid = os.fork()
        if pid == 0:
            work(app, settings["events"], settings["aggregations"])
            os._exit(0)
        print(pid, flush=True)  # noqa: T201


def work(app, events, aggregations) -> None:
    """Do what a Celery worker does, as long as there is something to do."""
    from invenio_stats.tasks import aggregate_events, process_events

    with app.app_context():
        for _ in range(1000):
            results = process_events(events)
            aggregate_events(aggregations)
            if all(tuple(result) == (0, 0) for _name, result in results if not isinstance(result, dict)):
                return


if __name__ == "__main__":
    main()
