"""A command that can be killed: `python -m tests.services.replayer`, settings as JSON on its first line of input.

For each further line it forks a process that replays the dead letters of views, and prints that one's id; "wait" waits
for all of them.
"""

import json
import os
import sys

from tests.conftest import create_light_app


def main() -> None:
    """Read, fork, print."""
    from invenio_stats.contrib.config import EVENTS_CONFIG

    app = create_light_app(**json.loads(sys.stdin.readline()), STATS_EVENTS=EVENTS_CONFIG)
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
            replay(app)
            os._exit(0)
        print(pid, flush=True)  # noqa: T201


def replay(app) -> None:
    """Do what `invenio stats dead-letters replay record-view --yes` does."""
    from invenio_stats.broker import dead_letters
    from invenio_stats.proxies import current_stats

    with app.app_context():
        dead_letters.replay(current_stats.events["record-view"].queue)


if __name__ == "__main__":
    main()
