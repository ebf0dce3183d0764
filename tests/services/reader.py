"""A worker that reads a batch and then hangs: `python -m tests.services.reader`, settings as JSON on standard input."""

import json
import sys
import time

from tests.conftest import create_light_app


def main() -> None:
    """Read what waits for record views, say how much it is, and do nothing more."""
    from invenio_stats.broker.consume import Inbox
    from invenio_stats.proxies import current_stats

    with create_light_app(**json.load(sys.stdin)).app_context():
        batch = list(Inbox(current_stats.events["record-view"].queue).consume())
        print(len(batch), flush=True)  # noqa: T201 - the test reads it
        time.sleep(600)


if __name__ == "__main__":
    main()
