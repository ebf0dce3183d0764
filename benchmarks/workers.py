"""How workers share a queue: `python benchmarks/workers.py BROKER_URL SEARCH_URL`.

Publishes views, has one worker store them, then as many anew and two workers; prints both rates. Where one worker, the
engine and the broker take all cores, `--delay` has the engine answer later, so that cores are not the limit.
Uses an index prefix and a spool of its own, and deletes both.
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from backlog import publish, view
from small_app import make_app

from invenio_stats.proxies import current_stats


def main() -> None:
    """Print both rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker_url")
    parser.add_argument("search_url")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--delay", type=float, default=0.0, help="Seconds that each answer of the engine comes later.")
    arguments = parser.parse_args()
    prefix = f"bench-{uuid.uuid4().hex[:8]}-"
    settings = {"BROKER_URL": arguments.broker_url, "SEARCH_INDEX_PREFIX": prefix, "STATS_PROCESS_SECONDS": None}
    unwrap = _delayed(arguments.search_url, arguments.delay) if arguments.delay else arguments.search_url
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(folder, SEARCH_HOSTS=[arguments.search_url], **settings)
        client = app.extensions["invenio-search"].client
        single_rate = 0.0
        for workers in (1, 2):
            try:
                with app.app_context():
                    current_stats.publish("record-view", map(view, range(0, arguments.events, 10_000)))
                    _indexer().run()  # makes the indices
                    publish(arguments.events, at_once=10)
                rate = _stored_by(workers, arguments.events, folder, {**settings, "SEARCH_HOSTS": [unwrap]})
            finally:
                client.indices.delete(index=f"{prefix}*", ignore=[404])
            single_rate = single_rate or rate
            print(f"{workers} workers: {rate:,.0f} events/s, {rate / single_rate:.1f} times as many", flush=True)


def _stored_by(workers: int, events: int, folder: str, settings: dict[str, Any]) -> float:
    """Return how many events a second so many workers stored."""
    spawn = multiprocessing.get_context("spawn")
    pipes = [spawn.Pipe() for _ in range(workers)]
    processes = [spawn.Process(target=_work, args=(folder, settings, theirs)) for _, theirs in pipes]
    for process in processes:
        process.start()
    for ours, _ in pipes:
        ours.recv()
    start = time.monotonic()
    for ours, _ in pipes:
        ours.send("go")
    stored = sum(ours.recv() for ours, _ in pipes)
    seconds = time.monotonic() - start
    for process in processes:
        process.join()
    assert stored >= events, f"{stored} of {events} were stored"  # some twice, by way of the spool
    return events / seconds


def _work(folder: str, settings: dict[str, Any], answer: Any) -> None:
    """Get ready, and process all that waits when it is time."""
    with make_app(folder, **settings).app_context():
        indexer = _indexer()
        answer.send("ready")
        answer.recv()
        answer.send(indexer.run().stored)


def _indexer() -> Any:
    definition = current_stats.events["record-view"]
    return definition.cls(**definition.params)


def _delayed(url: str, seconds: float) -> str:
    """Return the address of a door to the engine, through which each part of its answers comes some seconds later."""
    there, found = urlsplit(url), threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        server = await asyncio.start_server(meet, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        found.set()
        await server.serve_forever()

    async def meet(client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        engine_in, engine_out = await asyncio.open_connection(there.hostname, there.port)
        await asyncio.gather(pass_on(client_in, engine_out, 0), pass_on(engine_in, client_out, seconds))

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: float) -> None:
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while part := await source.read(1 << 20):
                loop.call_later(delay, target.write, part)
        loop.call_later(delay, target.close)

    threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()
    found.wait()
    return f"http://127.0.0.1:{ports[0]}"


if __name__ == "__main__":
    main()
