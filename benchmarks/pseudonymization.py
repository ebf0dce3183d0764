"""What pseudonymization and classifying cost for each event: `python benchmarks/pseudonymization.py`.

Needs the package installed; no service. Times are medians of several rounds, in microseconds of CPU.
"""

import random
import statistics
import time
from collections.abc import Callable

from flask import Flask
from invenio_cache import InvenioCache

from invenio_stats.privacy.pseudonymization import anonymize_user
from invenio_stats.privacy.user_agents import cache
from invenio_stats.privacy.user_agents.classifier import Classifier

ROUNDS = 7
EVENTS = 2_000


def agent(number: int) -> str:
    """Return a browser that is like no other."""
    return f"Mozilla/5.0 (X11; Linux x86_64; rv:{number}.0) Gecko/20100101 Firefox/{number}.0"


def events(agents: int, addresses: int) -> list[dict]:
    """Return raw views by visitors with so many agents and addresses."""
    choose = random.Random(7)
    return [
        {
            "timestamp": f"2026-11-02T{choose.randrange(24):02}:{choose.randrange(60):02}:11",
            "record_id": "R",
            "pid_type": "recid",
            "pid_value": str(number),
            "referrer": "https://www.example.org/search?q=bees",
            "ip_address": f"198.51.{choose.randrange(addresses) // 250}.{choose.randrange(250)}",
            "user_agent": agent(choose.randrange(agents)),
            "user_id": None,
            "session_id": None,
        }
        for number in range(EVENTS)
    ]


def measure(prepare: Callable[[], list], work: Callable) -> float:
    """Return the median time of `work` for one of the things that `prepare` gives anew for each round."""
    times = []
    for _ in range(ROUNDS):
        things = prepare()
        start = time.process_time()
        for thing in things:
            work(thing)
        times.append((time.process_time() - start) / len(things) * 1e6)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    app = Flask("bench")
    app.config["CACHE_TYPE"] = "SimpleCache"
    InvenioCache(app)
    with app.app_context():
        cache.load_lists()
        for event in events(500, 5000):
            anonymize_user(event)  # the lists, the salt and the agents are read
        new_agents = iter(range(1_000, 10_000_000))
        rows = {
            "pseudonymize, agents known": measure(lambda: events(500, 5000), anonymize_user),
            "pseudonymize, every agent new": measure(
                lambda: [{**event, "user_agent": agent(next(new_agents))} for event in events(1, 5000)], anonymize_user
            ),
            "classify, agent known": measure(lambda: [agent(number % 500) for number in range(EVENTS)], cache.describe),
            "classify, agent new": measure(
                lambda: [agent(next(new_agents)) for _ in range(EVENTS)], Classifier().classify
            ),
        }
    print(f"{'':28}{'µs of CPU each':>16}")
    for name, value in rows.items():
        print(f"{name:28}{value:>16.1f}")


if __name__ == "__main__":
    main()
