"""Set up an instance in an empty folder, and run it with its worker and its search engine."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import osmem_server

from demo import broker
from demo.processes import PATIENCE, WORK_PATIENCE, Processes, answers, free_port, program, write_command

EXAMPLES = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"


class Stage:
    """A running instance."""

    def __init__(self, folder: Path, seed: int, broker_url: str | None, has_history: bool = False):
        """Put everything into the folder; messages go through files there unless a broker is named.

        With `has_history`, a year of use waits for the worker.
        """
        self.folder = folder
        self.fixtures = ["--seed", str(seed), *(["--history"] if has_history else [])]
        self.verified = ["--from", f"{_last_month():%Y-%m-%d}"] if has_history else []
        """Of a year of use, the days of what is sent: the embedded engine would take minutes for all days."""
        self.engine = (LOOPBACK, free_port())
        self.address = (LOOPBACK, free_port())
        self.url = f"http://{LOOPBACK}:{self.address[1]}"
        self.broker_url = broker_url
        self.task_queue = f"stats-demo-{os.getpid()}"
        shutil.copy(EXAMPLES / "invenio.cfg", folder)
        (folder / "results").mkdir()
        self.processes = Processes(folder, self._environment())

    @property
    def catalogue(self) -> dict[str, Any]:
        """What there is to see in the instance."""
        return json.loads((self.folder / "catalogue.json").read_text())

    def command_file(self) -> Path:
        """Return a script that is the command `invenio` of this instance, for a shell beside the demo."""
        path = self.folder / "invenio"
        write_command(path, program("invenio"), self._environment())
        return path

    @contextmanager
    def running(self) -> Iterator["Stage"]:
        """Set the instance up and run it inside the `with` block."""
        with ExitStack() as stack:
            if self.broker_url:
                stack.enter_context(broker.guest(self.broker_url, self.task_queue))
            stack.enter_context(self.processes)
            self._start_engine()
            self._set_up()
            self._start_instance()
            yield self

    def _environment(self) -> dict[str, str]:
        host, port = self.engine
        found = {
            "INVENIO_INSTANCE_PATH": str(self.folder),
            "INVENIO_SEARCH_HOSTS": repr([{"host": host, "port": port}]),
            "PYTHONPATH": str(EXAMPLES),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "FLASK_DEBUG": "0",
        }
        if self.broker_url:
            found |= {f"INVENIO_{name}": self.broker_url for name in ("QUEUES_BROKER_URL", "CELERY_BROKER_URL")}
            found["INVENIO_CELERY_TASK_DEFAULT_QUEUE"] = self.task_queue
        return found

    def _start_engine(self) -> None:
        host, port = self.engine
        self.processes.start(
            "search engine",
            Path(osmem_server.__file__).parent / "bin" / "osmem-server",
            *("--addr", f"{host}:{port}", "--no-stdin-watch", "--parent-pid", str(os.getpid())),
        )
        self.processes.wait_until("search engine", lambda: answers(f"http://{host}:{port}/"))

    def _set_up(self) -> None:
        if not self.broker_url:
            for name in ("tasks", "events"):
                broker.prepare_file(self.folder / f"{name}.db")
        invenio = program("invenio")
        self.processes.start("database", invenio, "db", "init", "create")
        self.processes.start("indices", invenio, "index", "init")
        self.processes.start("queues", invenio, "queues", "declare")
        self.processes.finish("database", "indices", "queues")
        self.processes.run("fixtures", sys.executable, "-m", "library.fixtures", *self.fixtures)

    def _start_instance(self) -> None:
        host, port = self.address
        self.processes.start(
            "instance",
            program("gunicorn"),
            *("--bind", f"{host}:{port}", "--workers", "2", "--threads", "4", "--keep-alive", "60"),
            *("--no-control-socket", "instance:create_app()"),
        )
        self.processes.start(
            "worker",
            program("celery"),
            *("--app", "invenio_app.celery", "worker", "--beat", "--concurrency", "1", "--loglevel", "info"),
            *("--without-mingle", "--without-gossip", "--without-heartbeat"),
            *("--schedule", self.folder / "beat", "--pidfile", self.folder / "worker.pid"),
        )
        self.processes.wait_until("instance", lambda: answers(f"{self.url}/ready"))
        worker_log = self.folder / "worker.log"
        self.processes.wait_until("worker", lambda: " ready." in worker_log.read_text(errors="replace"))

    def drain(self) -> dict[str, Any]:
        """Have the worker process what still waits and aggregate once more; return the status when it has."""
        # It waits for three tasks, one after the other.
        self.processes.run("drain", sys.executable, "-m", "demo.drain", patience=3 * WORK_PATIENCE + PATIENCE)
        return json.loads((self.folder / "status.json").read_text())

    def ask(self, arguments: list[list[str]]) -> list[dict[str, Any]]:
        """Return what `invenio stats query` answers to each list of arguments."""
        (self.folder / "questions.json").write_text(json.dumps(arguments))
        self.processes.run("asking", sys.executable, "-m", "demo.asking")
        return json.loads((self.folder / "answers.json").read_text())

    def verify(self) -> dict[str, Any]:
        """Return what `invenio stats verify` says: 0 when totals are a recount of the events, 1 when not."""
        code, output = self.processes.ask("verify", program("invenio"), "stats", "verify", "--json", *self.verified)
        try:
            return json.loads(output)
        except ValueError as error:
            raise self.processes.error("verify", f"'invenio stats verify' failed with exit code {code}") from error


def _last_month() -> date:
    """Return the first day of the month before: what the demo sends is not older."""
    return (datetime.now(timezone.utc).date().replace(day=1) - timedelta(days=1)).replace(day=1)
