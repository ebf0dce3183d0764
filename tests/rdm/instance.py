"""One InvenioRDM with data base, indices, virtual host and cache of its own, and its processes under either release."""

import os
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from kombu import Connection, Queue
from opensearchpy import OpenSearch
from redis import Redis

from .processes import HERE, Process, Program, Web
from .visits import BROWSER

SERVICES = HERE.parent.parent / "scripts/services"
PUBLIC = Path(os.environ.get("RDM_PUBLIC_RELEASE", Path(sys.prefix) / "public-release"))
"""Where the public 7.0.2 is installed, as it was released."""

EVENT_TYPES = ("record-view", "file-download")


class Instance:
    """What all processes share. `release` is "ours" or "public" wherever it is asked for."""

    def __init__(self, folder: Path, services: dict[str, str], redis_database: int, **settings: str):
        """Make data base, virtual host and configuration; nothing of InvenioRDM yet.

        `settings` are variables of all its processes.
        """
        self.folder, self.services, self.redis_database = folder, services, redis_database
        self.settings = settings
        self.name = f"rdm{uuid.uuid4().hex[:8]}"
        self.prefix = f"{self.name}-"
        self.engine = OpenSearch([services["SEARCH_URL"]], timeout=60)
        self.processes: list[Process] = []
        (folder / "invenio.cfg").write_text((HERE / "invenio.cfg").read_text())
        (folder / "files").mkdir()
        self._sql(f"CREATE DATABASE {self.name}")
        self._rabbitmq("add_vhost", self.name)
        self._rabbitmq("set_permissions", "-p", self.name, "guest", ".*", ".*", ".*")
        self._flush_redis()

    def environment(self, release: str, **more: str) -> dict[str, str]:
        """Return the environment of a process: nothing of the caller's but where programs and home are."""
        paths = [str(PUBLIC)] if release == "public" else []
        redis = urlsplit(self.services["CACHE_REDIS_URL"])
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ},
            "PYTHONPATH": os.pathsep.join([*paths, str(HERE / "policy")]),
            "INVENIO_INSTANCE_PATH": str(self.folder),
            "RDM_DATABASE_URL": self.services["DATABASE_URL"].rpartition("/")[0] + f"/{self.name}",
            "RDM_SEARCH_URL": self.services["SEARCH_URL"],
            "RDM_INDEX_PREFIX": self.prefix,
            "RDM_BROKER_URL": self.broker_url,
            "RDM_REDIS_URL": f"redis://{redis.netloc}",
            "RDM_REDIS_DATABASE": str(self.redis_database),
            "RDM_SITE_URL": "http://127.0.0.1:5000",
            "RDM_AGENT": BROWSER,
            **self.settings,
            **more,
        }

    @property
    def broker_url(self) -> str:
        return self.services["BROKER_URL"].rstrip("/") + f"/{self.name}"

    def start(self, release: str) -> tuple[Program, Web]:
        """Start both kinds of process; that they start together saves the tests a minute."""
        program, web = Program(self, release), Web(self, release)
        return program.ready(), web.ready()

    def documents(self, kind: str) -> dict[str, dict]:
        """Return all documents behind an alias (events-stats-record-view, stats-record-view...) by index and id."""
        self.engine.indices.refresh(index=f"{self.prefix}*")
        found = self.engine.search(index=f"{self.prefix}{kind}", body={"size": 10_000}, ignore_unavailable=True)
        return {f"{hit['_id']}": hit["_source"] for hit in found["hits"]["hits"]}

    def totals(self) -> dict[str, dict]:
        """Return the totals of both event types by event type and id."""
        return {
            f"{event_type}/{document_id}": total
            for event_type in EVENT_TYPES
            for document_id, total in self.documents(f"stats-{event_type}").items()
        }

    def counted(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return (count, unique count) over all days by event type and record."""
        counts: dict[tuple[str, str], tuple[int, int]] = {}
        for key, total in self.totals().items():
            about = (key.partition("/")[0], total["recid"])
            count, unique = counts.get(about, (0, 0))
            counts[about] = (count + total["count"], unique + total["unique_count"])
        return counts

    def waiting(self) -> dict[str, int]:
        """Return how many messages wait by event type."""
        with Connection(self.broker_url) as connection, connection.channel() as channel:
            return {
                name: Queue(f"stats-{name}", channel=channel).queue_declare(passive=True).message_count
                for name in EVENT_TYPES
            }

    def close(self) -> None:
        """Stop what still runs, and drop all that was made."""
        for process in list(self.processes):
            process.stop()
        self.engine.indices.delete(index=f"{self.prefix}*", ignore=[404])
        for drop in (self.engine.indices.delete_template, self.engine.indices.delete_index_template):
            drop(name=f"{self.prefix}*", ignore=[404])
        self.engine.close()
        self._flush_redis()
        self._rabbitmq("delete_vhost", self.name)
        self._sql(f"DROP DATABASE {self.name} WITH (FORCE)")

    def _sql(self, statement: str) -> None:
        connection = psycopg2.connect(self.services["DATABASE_URL"].replace("+psycopg2", ""))
        try:
            connection.autocommit = True
            connection.cursor().execute(statement)
        finally:
            connection.close()

    def _flush_redis(self) -> None:
        for database in range(self.redis_database, self.redis_database + 5):
            with Redis.from_url(self.services["CACHE_REDIS_URL"], db=database) as client:
                client.flushdb()

    @staticmethod
    def _rabbitmq(*arguments: str) -> None:
        subprocess.run([SERVICES, "ctl", "-q", *arguments], check=True, capture_output=True, text=True)
