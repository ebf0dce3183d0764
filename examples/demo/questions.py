"""What people ask of a repository, each question as the command that answers it."""

from typing import Any, NamedTuple

from demo.use import Use

ALWAYS = {"period": "all", "compare": "none"}
ROWS = "3"
"""Rows of a list that are asked for."""


class Question(NamedTuple):
    """A question, the query that answers it, and the numbers that the answer must have."""

    text: str
    query: str
    params: dict[str, str]
    expected: Any

    @property
    def arguments(self) -> list[str]:
        """The arguments of `invenio stats query`."""
        return [self.query, *(part for name, value in self.params.items() for part in ("--param", f"{name}={value}"))]

    def read(self, answer: dict[str, Any]) -> Any:
        """Return the numbers of an answer that are compared, in the shape of `expected`."""
        if "points" in answer and "requests" not in answer:
            return [[point["date"], point["records"], point["uploaders"]] for point in answer["points"]]
        if "requests" in answer:
            used = {status: number for status, number in answer["requests"].items() if number}
            return [used, answer["holdings"]["records"]]
        if "other" in answer:
            rows = {row["value"]: [row["views"], row["downloads"]] for row in answer["rows"]}
            return [rows, *([answer[name]["views"], answer[name]["downloads"]] for name in ("other", "unknown"))]
        if "rows" in answer:
            metric = self.params.get("by", "downloads")
            return [[row["id"], row[metric]] for row in answer["rows"]]
        return {name: answer[name] for name in self.expected}


def questions(use: Use) -> list[Question]:
    """Return the seven questions, some with more than one command, and what was sent as their answers."""
    listed = {**ALWAYS, "size": ROWS}
    owner, community = use.owners[0], use.communities[0]
    record = use.of_owner(owner)[0]
    mine = "How often were my files downloaded?"
    most = "Which records are most downloaded, which most viewed?"
    activity = "What do users and communities do?"
    readers = "Where do readers come from? (whole months)"
    return [
        Question(mine, "user-records", {"user": owner, **listed}, use.top_of_user(owner, "downloads")),
        Question(mine, "record-files", {"record": record, **listed}, use.top_files(record)),
        Question(most, "repository-records", listed, use.top_records("downloads")),
        Question(most, "repository-records", {"by": "views", **listed}, use.top_records("views")),
        Question("Who are the top uploaders?", "repository-uploaders", {"by": "records"}, use.uploaders()),
        Question(
            "Open against restricted, in use and in holdings?",
            "repository-open-ratio",
            {"period": "all"},
            [use.requests_by_status(), use.holdings_by_status()],
        ),
        Question(
            "How are a community's records used?",
            "community-total",
            {"community": community, **ALWAYS},
            use.total_of_community(community),
        ),
        Question(activity, "repository-new-records", {}, use.new_records()),
        Question(activity, "repository-communities", listed, use.top_communities("downloads")),
        Question(readers, "repository-countries", {}, use.breakdown("country")),
        Question(readers, "repository-hosts", {}, use.breakdown("host")),
    ]
