"""The demo's command line: `python -m demo`, which `run-demo.sh` calls in an environment of its own."""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from demo.performance import Performance
from demo.processes import DemoError


def main() -> int:
    """Run the demo; return the exit code: 0 when all was counted, 1 when not, 2 when it could not run."""
    options = _options()
    console = Console(stderr=options.json, highlight=False)
    if not console.is_terminal:
        console.width = 110
    _on_ending(_interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="invenio-stats-demo-", ignore_cleanup_errors=True) as folder:
            broker_url = os.environ.get("BROKER_URL") or None
            performance = Performance(Path(folder), console, options.seed, broker_url, options.serve)
            return performance.run(options.requests, as_json=options.json)
    except DemoError as error:
        console.print(f"The demo stopped: {error}", style="red", markup=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run-demo.sh",
        description="Run a small Invenio instance, send it simulated traffic over HTTP, and compare what "
        "invenio-stats counted with what was sent. Exits with 0 when they agree and with 1 when they do not.",
        epilog="The broker is a file, unless BROKER_URL names another one, such as a virtual host of RabbitMQ that "
        "nobody else uses. Everything listens on 127.0.0.1 only, and lives in a folder that is removed at the end.",
    )
    parser.add_argument(
        "--serve",
        action="store_true",
        help="add a year of use, and leave the instance up afterwards, with some traffic, until Ctrl-C",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which traffic (default: 1)")
    parser.add_argument(
        "--requests",
        type=_positive,
        default=4000,
        metavar="N",
        help="how many requests are sent, about (default: 4000)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON, and all else to stderr")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 50_000:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 50000.")
    return number


def _on_ending(handler: Any) -> None:
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, handler)


def _interrupt(*signal_and_frame: Any) -> NoReturn:
    _on_ending(signal.SIG_IGN)  # what is being stopped must not be left half stopped by a second Ctrl-C
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
