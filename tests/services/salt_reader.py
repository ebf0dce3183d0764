"""A process that asks for a salt: `python -m tests.services.salt_reader DAY`, settings as JSON on standard input.

It waits for a line after the settings, so that several of them start at once.
"""

import json
import sys
from datetime import date

from flask import Flask
from invenio_cache import InvenioCache


def main() -> None:
    """Print the salt of a day."""
    from invenio_stats.privacy.salts import salt_of

    app = Flask("salt")
    app.config.update(json.loads(sys.stdin.readline()))
    InvenioCache(app)
    with app.app_context():
        print("ready", flush=True)  # noqa: T201 - the test reads it
        sys.stdin.readline()
        print(json.dumps(salt_of(date.fromisoformat(sys.argv[1]))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
