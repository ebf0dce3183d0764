"""What a page consists of, and how it is made from the answers to its questions."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from markupsafe import Markup

from invenio_stats.errors import InvalidRequestInputError, NotFoundError, NotPermittedError, StatsError
from invenio_stats.pages.asking import Answer, is_asked, make_request
from invenio_stats.pages.parameters import Choice
from invenio_stats.pages.tables import Figure, KeyNumber, Link, Notice, Part
from invenio_stats.queries.batch import answer_each, check_permissions, find_queries
from invenio_stats.queries.usage.parameters import Accepted

T = TypeVar("T")


class Subject(NamedTuple):
    """What a page is about, as far as its address tells."""

    scope: str
    """repository, record, community or user: the first word of its queries."""
    query: str
    """The query whose permission is that of the page."""
    params: Mapping[str, str]
    """What the queries are about."""
    accepted: Accepted
    """The parameters of the page and their defaults."""
    file: str
    """The query whose answer is the file of the page in other formats."""
    title: str
    """What stands above the numbers, and above what stands in place of them."""
    names_people: bool = False
    """Whether browsers keep nothing of the page."""
    known: Any = None
    """What was found out about the subject, for the page itself."""


class Page(NamedTuple):
    """A page as the template shows it."""

    kicker: str
    lead: Sequence[str]
    """Sentences."""
    basis: Sequence[str | Link]
    choice: Choice
    keys: Sequence[KeyNumber] = ()
    notices: Sequence[Notice] = ()
    about: Sequence[str | Link] = ()
    """A line below the title."""
    more_basis: str = ""
    bars: Sequence[tuple[str, Sequence[Link]]] = ()
    """Names and links of the bars beside that of periods."""
    form: Mapping[str, Any] | None = None
    parts: Mapping[str, Any] = {}
    answers: "Answers | None" = None
    """What it was made from; None for what stands in place of a page."""


class Asked(NamedTuple):
    """A question that somebody asked by opening a page."""

    subject: Subject
    choice: Choice
    now: datetime

    def params(self, **others: Any) -> dict[str, Any]:
        """Return all parameters of the page's queries; those that a query does not have are left out later."""
        chosen = self.choice.parameters
        known = {
            **self.subject.params,
            **self.choice.range_params,
            "interval": chosen.interval,
            "compare": chosen.compare,
            "versions": chosen.versions,
        }
        return {name: value for name, value in {**known, **others}.items() if value is not None}

    def day_params(self) -> dict[str, Any]:
        """Return the parameters for queries that know no periods."""
        days = self.choice.days
        ends = {} if days is None else {"from": days.first.isoformat(), "to": days.last.isoformat()}
        return {**self.subject.params, **ends}


class Answers:
    """The answers to all questions of a page, asked at once."""

    def __init__(self, asked: Asked, questions: Mapping[str, tuple[str, Mapping[str, Any]]]):
        """Ask; `questions` are names of queries, without the scope, with parameters. Absent queries are left out."""
        named = {key: (f"{asked.subject.scope}-{name}", params) for key, (name, params) in questions.items()}
        self._entries = [make_request(key, name, params) for key, (name, params) in named.items() if is_asked(name)]
        self._found = answer_each(self._entries)

    @property
    def are_whole(self) -> bool:
        """Whether all that the asker may see could be answered."""
        return all(
            isinstance(found, NotPermittedError | NotFoundError) or not isinstance(found, StatsError)
            for found in self._found.values()
        )

    def are_for_everybody(self) -> bool:
        """Return whether everybody may see all that was answered."""
        answered = [entry for entry in self._entries if not isinstance(self._found[entry.key], StatsError)]
        return check_permissions(find_queries(answered))

    def need(self, key: str) -> Answer:
        """Return the answer without which there is no page; raises the error that there is in place of it."""
        found = self._found[key]
        if isinstance(found, StatsError):
            raise found
        return found

    def get(self, key: str) -> Answer | None:
        """Return an answer; None if there is none."""
        found = self._found.get(key)
        return None if isinstance(found, StatsError) else found

    def part(self, part: Part, key: str, make: Callable[[Part, Answer], T], failed: Callable[[Part], T]) -> T | None:
        """Return what is made from an answer; None if the asker may not see it, or there is no such query."""
        found = self._found.get(key)
        if found is None or isinstance(found, NotPermittedError | NotFoundError):
            return None
        if isinstance(found, InvalidRequestInputError):
            raise found
        if isinstance(found, StatsError):
            return failed(part._replace(is_failed=True))
        return make(part, found)

    def section(self, part: Part, key: str, make: Callable[[Part, Answer], Part]) -> Part | None:
        """Return a section; one that could not be answered says so."""
        return self.part(part, key, make, lambda failed: failed)

    def figure(self, part: Part, key: str, make: Callable[[Part, Answer], Figure]) -> Figure | None:
        """Return a chart; one that could not be answered says so."""
        return self.part(part, key, make, lambda failed: Figure(failed, Markup()))
