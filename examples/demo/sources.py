"""Read the numbers from the search engine and from the REST API."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from traffic.ledger import EVENT_TYPES, SEARCHES
from traffic.model import Thing

from demo.processes import fetch

PREFIX = "library-"
PAGE = 5000
QUESTIONS = 60
"""How many are asked in one request; the API takes 100 at most."""

_AGENCIES = {"robot": "robots", "ai": "robots", "machine": "machines"}
"""By class of the user agent: tools on COUNTER's list are robots as well, and are counted once here."""


class Count(NamedTuple):
    """How often a thing was used, and in how many sessions."""

    count: int = 0
    unique: int = 0

    def __str__(self) -> str:
        """Write both: '12 (10)'."""
        return f"{self.count} ({self.unique})"


Counts = dict[Thing, Count]


class Engine:
    """Reads indices over plain HTTP, without the package."""

    def __init__(self, address: tuple[str, int]):
        """Ask the engine that listens there."""
        self._url = "http://{}:{}".format(*address)

    def events(self) -> tuple[dict[str, Counter], Counts]:
        """Return how many raw events of each type there are by agency, and what people's come to."""
        agencies: dict[str, Counter] = {}
        counts: Counts = {}
        for kind, event_type in EVENT_TYPES.items():
            agencies[event_type] = Counter()
            sessions: dict[Thing, list[str]] = defaultdict(list)
            for event in self._documents(f"events-stats-{event_type}", "_id"):
                if event.get("superseded"):
                    continue
                agency = _AGENCIES.get(event["agent_class"], "people")
                agencies[event_type][agency] += 1
                if agency == "people":
                    sessions[_thing(kind, event)].append(event["unique_session_id"])
            counts |= {thing: Count(len(found), len(set(found))) for thing, found in sessions.items()}
        searches = self._documents(f"events-stats-{SEARCHES}", "_id")
        agencies[SEARCHES] = Counter(_AGENCIES.get(event["agent_class"], "people") for event in searches)
        return agencies, counts

    def totals(self) -> Iterator[tuple[Thing, dict[str, Any]]]:
        """Yield the aggregated totals, each with the thing it is of."""
        for kind, event_type in EVENT_TYPES.items():
            for total in self._documents(f"stats-{event_type}", "unique_id"):
                yield _thing(kind, total), total

    def _documents(self, index: str, order: str) -> Iterator[dict[str, Any]]:
        body: dict[str, Any] = {"size": PAGE, "sort": [{"timestamp": "asc"}, {order: "asc"}]}
        while True:
            path = f"/{PREFIX}{index}/_search?ignore_unavailable=true"
            hits = fetch(self._url + path, body)["hits"]["hits"]
            yield from (hit["_source"] for hit in hits)
            if len(hits) < PAGE:
                return
            body["search_after"] = hits[-1]["sort"]


def ask_rest(url: str, catalogue: dict[str, Any]) -> tuple[Counts, dict[Thing, float]]:
    """Ask `POST /api/stats` about everything in the library; return the counts, and the volume of each file."""
    questions: dict[str, Any] = {"searches": {"stat": "search-made-total", "params": {}}}
    for record in catalogue["records"]:
        questions[f"views {record['id']}"] = {"stat": "record-view-total", "params": {"pid_value": record["id"]}}
        for stat in ("bucket-file-download-total", "bucket-file-download-unique"):
            questions[f"{stat} {record['id']}"] = {"stat": stat, "params": {"bucket_id": record["bucket"]}}
    answers = _answers(f"{url}/api/stats", questions)
    counts: Counts = {
        ("search", row["key"]): Count(int(row["count"]), int(row["unique_count"]))
        for row in answers["searches"]["buckets"]
    }
    volumes: dict[Thing, float] = {}
    for record in catalogue["records"]:
        views = answers[f"views {record['id']}"]
        counts["record", record["id"]] = Count(int(views["views"]), int(views["unique_views"]))
        shipped = {row["key"]: row["value"] for row in answers[f"bucket-file-download-total {record['id']}"]["buckets"]}
        for row in answers[f"bucket-file-download-unique {record['id']}"]["buckets"]:
            thing = ("file", record["bucket"], row["key"])
            # The shipped query and the one of invenio.cfg read the same totals: a difference shows as a wrong count.
            count = row["downloads"] if shipped.get(row["key"]) == row["downloads"] else -1
            counts[thing] = Count(int(count), int(row["unique_downloads"]))
            volumes[thing] = row["volume"]
    return {thing: count for thing, count in counts.items() if count.count}, volumes


def _answers(url: str, questions: dict[str, Any]) -> dict[str, Any]:
    asked, answers = list(questions.items()), {}
    for start in range(0, len(asked), QUESTIONS):
        answers |= fetch(url, dict(asked[start : start + QUESTIONS]))
    return answers


def _thing(kind: str, document: dict[str, Any]) -> Thing:
    fields = {"record": ("pid_value",), "file": ("bucket_id", "file_key"), "search": ("query",)}[kind]
    return (kind, *(document[field] for field in fields))
