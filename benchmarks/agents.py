"""How many crawlers and how many real browsers the classifier of agents flags, and how long it takes.

    python benchmarks/agents.py [--crawlers FILE ...] [--browsers FILE ...]

Installs and fetches nothing. Lists of the Python packages crawler-user-agents and fake-useragent are read where
they are installed. FILE is a list of another package: text with one agent a line, JSON, or JSON Lines, of any
shape. For example, of npm `crawler-user-agents/crawler-user-agents.json`, `user-agents/dist/user-agents.json` and
`top-user-agents/src/index.json`; of crawlerdetect's source distribution `tests/fixtures/user_agent/crawlers.txt`
and `devices.txt`. The classifier was built from none of them.
"""

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from invenio_stats.privacy.user_agents import classifier as robots
from invenio_stats.privacy.user_agents.classifier import Classifier
from invenio_stats.privacy.user_agents.reduction import reduce_agent

AGENT_KEYS = {"instances", "useragent", "userAgent", "user_agent"}
PEOPLE = {"browser", "unknown"}
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
HARD = {
    "a browser of 108 characters": CHROME,
    "a browser, 76 times over": CHROME * 76,
    "8 KB of %": "%" * 8192,
    "8 KB of x": "x" * 8192,
    "8 KB of 1.1": "1.1" * 2731,
    "8 KB of @a": "@a" * 4096,
    "8 KB of '; a'": "; a" * 2731,
    "Mozilla/5.0 (a.a.a. ...": "Mozilla/5.0 (" + "a." * 4090,
    "mozilla/5.0 (mozilla/5.0 ( ...": "mozilla/5.0 (" * 630,
    "Mozilla/5.0 htt htt ...": "Mozilla/5.0 " + "htt " * 2045,
}
HEADINGS = (
    *("agents", "COUNTER as published", "ignoring case", "flagged", "beyond COUNTER", "beyond it as published"),
    *("ai", "another class when reduced", "counted or not changes"),
)


class CountedTotal(NamedTuple):
    """What became of the agents of one list."""

    name: str
    agents: int
    published: float
    """Flagged by COUNTER's list and list of machines as the package matches them: with case."""
    ignoring_case: float
    flagged: float
    beyond: float
    """Flagged by us, and not by COUNTER's lists ignoring case."""
    beyond_published: float
    """Flagged by us, and not by COUNTER's lists with case."""
    ai: float
    changed: float
    """Of another class once reduced."""
    sides: float
    """Of these, moved between what is counted and what is not."""


def main() -> None:
    """Print the table of lists, then the table of times."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--crawlers", nargs="*", type=Path, default=[], help="lists of crawlers")
    options.add_argument("--browsers", nargs="*", type=Path, default=[], help="lists of real browsers")
    paths = options.parse_args()
    classifier = Classifier()
    started = time.perf_counter()
    classifier.classify("the lists are loaded")
    print(f"{classifier.version}, loaded in {(time.perf_counter() - started) * 1e3:.0f} ms\n")
    print_table(
        "crawlers", classifier, {**installed_crawlers(), **{label(path): read(path) for path in paths.crawlers}}
    )
    print_table(
        "browsers", classifier, {**installed_browsers(), **{label(path): read(path) for path in paths.browsers}}
    )
    print_times()


def print_table(kind: str, classifier: Classifier, lists: dict[str, set[str]]) -> None:
    """Print one line for each list."""
    print(f"| {kind} | {' | '.join(HEADINGS)} |\n|---{'|---' * len(HEADINGS)}|")
    for name, agents in lists.items():
        line = count(name, sorted(agents), classifier)
        print(f"| {line.name} | {line.agents:,} | " + " | ".join(f"{share:.2%}" for share in line[2:]) + " |")
    print()


def count(name: str, agents: list[str], classifier: Classifier) -> CountedTotal:
    """Return the shares of a list."""
    published, ignoring_case = re.compile("|".join(counter_patterns())), re.compile("|".join(counter_patterns()), re.I)
    classes = {agent: classifier.classify(agent) for agent in agents}
    reduced = {agent: classifier.classify(reduce_agent(agent)) for agent in agents}
    flagged = {agent for agent in agents if classes[agent] not in PEOPLE}
    return CountedTotal(
        name,
        len(agents),
        _share(agents, published.search),
        _share(agents, ignoring_case.search),
        _share(agents, flagged.__contains__),
        _share(agents, lambda agent: agent in flagged and not ignoring_case.search(agent)),
        _share(agents, lambda agent: agent in flagged and not published.search(agent)),
        _share(agents, lambda agent: classes[agent] == "ai"),
        _share(agents, lambda agent: classes[agent] != reduced[agent]),
        _share(agents, lambda agent: (classes[agent] in PEOPLE) != (reduced[agent] in PEOPLE)),
    )


def print_times() -> None:
    """Print what one look-up takes, in microseconds of this thread's processor time."""
    classifier = Classifier()
    print("| agent | cold look-up | warm look-up | reducing |\n|---|---|---|---|")
    for name, agent in HARD.items():
        cold = _microseconds(classifier._decide, agent[: robots.MAX_AGENT_CHARACTERS])
        warm = _microseconds(lambda text: [classifier.classify(text) for _ in range(1000)], agent) / 1000
        print(f"| {name} | {cold:.0f} | {warm:.2f} | {_microseconds(reduce_agent, agent):.0f} |")


def installed_crawlers() -> dict[str, set[str]]:
    """Return the list of the Python package crawler-user-agents, where it is installed."""
    try:
        import crawleruseragents
    except ImportError:
        return {}
    return {"PyPI crawler-user-agents": set(agents_in(crawleruseragents.CRAWLER_USER_AGENTS_DATA))}


def installed_browsers() -> dict[str, set[str]]:
    """Return the list of the Python package fake-useragent, where it is installed."""
    try:
        file = resources.files("fake_useragent").joinpath("data", "browsers.jsonl")
    except ImportError:
        return {}
    return {"PyPI fake-useragent": set(agents_in([json.loads(line) for line in file.read_text().splitlines()]))}


def read(path: Path) -> set[str]:
    """Return the agents in a file."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".json":
        return set(agents_in(json.loads(text)))
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip()]
    return set(agents_in([json.loads(line) for line in lines])) if path.suffix == ".jsonl" else set(lines)


def agents_in(values: object, are_agents: bool = True) -> Iterator[str]:
    """Yield the agents in parsed JSON: what stands in a list of texts, or under a key that says so."""
    if isinstance(values, str):
        if are_agents or values.startswith("Mozilla/"):
            yield values
    elif isinstance(values, dict):
        for name, value in values.items():
            yield from agents_in(value, name in AGENT_KEYS)
    elif isinstance(values, list):
        for value in values:
            yield from agents_in(value, are_agents)


def counter_patterns() -> list[str]:
    """Return COUNTER's list of robots with its list of machines."""
    data = resources.files("counter_robots").joinpath("data")
    return [
        line
        for name in ("robot.txt", "machine.txt")
        for line in data.joinpath(name).read_text(encoding="utf-8").splitlines()
    ]


def label(path: Path) -> str:
    """Return a short name for a list: the last three parts of its path."""
    return "/".join(path.parts[-3:])


def _share(agents: Iterable[str], is_one: Callable[[str], object]) -> float:
    return statistics.fmean(bool(is_one(agent)) for agent in agents)


def _microseconds(function: Callable[[str], object], agent: str, times: int = 50) -> float:
    taken = []
    for _ in range(times):
        before = time.thread_time()
        function(agent)
        taken.append(time.thread_time() - before)
    return statistics.median(taken) * 1e6


if __name__ == "__main__":
    main()
