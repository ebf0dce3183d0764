"""Compare the counted numbers with the ledger, one by one."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from traffic.ledger import Ledger
from traffic.model import Thing

from demo.questions import Question
from demo.sources import Count, Counts, Engine, ask_rest

SOURCES = ("raw events", "totals", "REST")


@dataclass
class Result:
    """What was asked, what was counted, and where the two differ."""

    kinds: dict[str, tuple[int, int]]
    expected: Counts
    found: dict[str, Counts]
    expected_events: dict[str, Counter]
    events: dict[str, Counter]
    titles: dict[Thing, str]
    differences: list[str] = field(default_factory=list)
    answers: list[tuple[Question, dict[str, Any]]] = field(default_factory=list)
    """Each question that people ask, and what `invenio stats query` answered: `table` and `answer`, or `error`."""
    verified: tuple[int, int] = (0, 0)
    """How many totals `invenio stats verify` has compared with the raw events, and how many of them differ."""

    def add_answers(self, asked: list[Question], answers: list[dict[str, Any]]) -> None:
        """Take over the answers, and note each that differs from what was sent."""
        self.answers = list(zip(asked, answers, strict=True))
        for question, answer in self.answers:
            found = answer.get("error") or question.read(answer["answer"])
            if found != question.expected:
                name = " ".join(question.arguments)
                self.differences.append(f"query {name}: expected {question.expected}, found {found}")

    def add_verification(self, found: dict[str, Any]) -> None:
        """Take over what `invenio stats verify --json` has found."""
        self.verified = (
            sum(aggregation["totals"] for aggregation in found["aggregations"].values()),
            len(found["differences"]),
        )
        self.differences += [
            "verify, {aggregation}, {interval}, {key}: {kind}, stored {stored}, counted {counted}".format(**difference)
            for difference in found["differences"]
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "requests": {kind: {"sent": sent, "as_expected": right} for kind, (sent, right) in self.kinds.items()},
            "events": {
                name: {"expected": dict(self.expected_events[name]), "stored": dict(found)}
                for name, found in self.events.items()
            },
            "things": [
                {
                    "thing": list(thing),
                    "expected": self.expected.get(thing, Count())._asdict(),
                    **{source: counts.get(thing, Count())._asdict() for source, counts in self.found.items()},
                }
                for thing in sorted(set(self.expected).union(*self.found.values()))
            ],
            "questions": [
                {"text": question.text, "arguments": question.arguments, "expected": question.expected, **answer}
                for question, answer in self.answers
            ],
            "verify": dict(zip(("totals", "differences"), self.verified, strict=True)),
            "differences": self.differences,
        }


def compare(ledger: Ledger, engine: Engine, url: str, catalogue: dict[str, Any], status: dict[str, Any]) -> Result:
    """Ask every source and note each difference."""
    expected = {thing: Count(usage.count, usage.unique) for thing, usage in ledger.usage().items()}
    events, raw = engine.events()
    totals = list(engine.totals())
    rest, volumes = ask_rest(url, catalogue)
    found = dict(zip(SOURCES, (raw, _summed(totals), rest), strict=True))
    result = Result(ledger.by_kind(), expected, found, ledger.events(), events, _titles(catalogue))
    result.differences += [
        f"{seen.step.method} {seen.step.path} ({seen.step.kind}): answered {seen.status}, not {seen.step.status}"
        for seen in ledger.unexpected()
    ]
    result.differences += _troubles(status)
    result.differences += _different_events(result)
    for source, counts in found.items():
        result.differences += _different_counts(source, expected, counts)
    result.differences += _different_items(totals, catalogue)
    result.differences += _different_volumes(expected, volumes, catalogue)
    return result


def _summed(totals: list[tuple[Thing, dict[str, Any]]]) -> Counts:
    """Add the days up: a session has its date, so its uniques may be added."""
    summed: Counts = {}
    for thing, total in totals:
        before = summed.get(thing, Count())
        summed[thing] = Count(before.count + int(total["count"]), before.unique + int(total["unique_count"]))
    return summed


def _troubles(status: dict[str, Any]) -> list[str]:
    """Return what the status does not say of a pipeline that has done all its work."""
    found = []
    for kind, lines in status.items():
        for name, line in lines.items():
            run = line["last_run"] or {"error": "never ran"}
            found += [f"status of {name}: {problem}" for problem in line["problems"]]
            found += [f"status of {name}: {key} {line[key]}" for key in ("waiting", "failed") if line.get(key)]
            found += [f"last run of {name} ({kind}): {run['error']}"] if "error" in run else []
            found += [f"last run of {name} ({kind}): {run['failed']} failed"] if run.get("failed") else []
    return found


def _different_events(result: Result) -> list[str]:
    return [
        f"events {name}, {agency}: expected {expected[agency]}, stored {result.events[name][agency]}"
        for name, expected in result.expected_events.items()
        for agency in ("people", "robots", "machines")
        if expected[agency] != result.events[name][agency]
    ]


def _different_counts(source: str, expected: Counts, found: Counts) -> list[str]:
    return [
        f"{source}, {' '.join(thing)}: expected {expected.get(thing, Count())}, found {found.get(thing, Count())}"
        for thing in sorted({*expected, *found})
        if expected.get(thing, Count()) != found.get(thing, Count())
    ]


def _different_items(totals: list[tuple[Thing, dict[str, Any]]], catalogue: dict[str, Any]) -> list[str]:
    """Every view and download has its record, the record's communities and its access status."""
    items = {}
    for record in catalogue["records"]:
        item = (record["id"], record["communities"], record["access_status"])
        items[record["id"]] = items[record["bucket"]] = item
    differences = []
    for thing, total in totals:
        item = (total.get("item_id"), total.get("labels"), total.get("access_status"))
        if thing[0] != "search" and item != items[thing[1]]:
            differences.append(f"item of {' '.join(thing)}: expected {items[thing[1]]}, found {item}")
    return differences


def _different_volumes(expected: Counts, volumes: dict[Thing, float], catalogue: dict[str, Any]) -> list[str]:
    sizes = {
        ("file", record["bucket"], file["key"]): file["size"]
        for record in catalogue["records"]
        for file in record["files"]
    }
    return [
        f"volume of {' '.join(thing)}: expected {expected[thing].count * sizes[thing]}, found {volume:.0f}"
        for thing, volume in volumes.items()
        if thing in expected and volume != expected[thing].count * sizes[thing]
    ]


def _titles(catalogue: dict[str, Any]) -> dict[Thing, str]:
    titles: dict[Thing, str] = {("search", term): term for term in catalogue["terms"]}
    for record in catalogue["records"]:
        titles["record", record["id"]] = record["title"]
        for file in record["files"]:
            titles["file", record["bucket"], file["key"]] = f"{record['id']}/{file['key']}"
    return titles
