"""The table of all pages and of all that stands in place of them: each row gets every check of tests of pages."""

from collections.abc import Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from invenio_stats.errors import NoAnswerError
from tests.flow.pages.site import ADMINISTRATOR, MANAGER, MONTHS, UPLOADER, VISITOR, months_back, queries

NOTHING = {"views": 0, "downloads": 0}
SILENT = {"from": "2026-03-14", "to": "2026-03-15", "event_type": "record-view", "reason": "silent"}
AWAY = {"error": NoAnswerError(503, "The search engine does not answer.")}


class Address(NamedTuple):
    """A page as somebody opens it."""

    name: str
    path: str
    user: str | None = VISITOR
    status: int = 200
    answers: Mapping[str, Mapping[str, Any]] = {}
    """By query, what its answers have in place of their own values."""
    says: str = ""
    """What is to be read on it."""


def _day(months_ago: int, day: int) -> str:
    return str(months_back(months_ago + 1)[0] + timedelta(days=day - 1))


PAGES = [
    Address("repository", "/stats/"),
    Address("repository-days", "/stats/?period=30d"),
    Address("repository-administrator", "/stats/", ADMINISTRATOR, says="Who uploads"),
    Address("repository-lines", "/stats/?period=all&interval=month"),
    Address("record", "/stats/records/r1-v2"),
    Address("record-rtl", "/stats/records/r10"),
    Address("record-long", "/stats/records/r11?period=12m"),
    Address("record-unbroken", "/stats/records/r12?period=12m"),
    Address("version", "/stats/records/r1-v2?versions=this"),
    Address("community", "/stats/communities/coast"),
    Address("community-manager", "/stats/communities/coast", MANAGER, says="Who uploads"),
    Address("quality", "/stats/quality"),
    Address("quality-administrator", "/stats/quality", ADMINISTRATOR),
    Address("reports", "/stats/reports", says="The last closed month is"),
    Address("reports-administrator", "/stats/reports?report=ir&yop=2020", ADMINISTRATOR, says="One University"),
    Address("privacy", "/stats/privacy", says="Your visits are counted at present."),
    Address("me", "/stats/me", UPLOADER),
    Address("user", "/stats/users/7", ADMINISTRATOR),
    Address("list-records", "/stats/lists/records"),
    Address("list-communities", "/stats/lists/communities"),
    Address("list-countries", "/stats/lists/countries"),
    Address("list-hosts", "/stats/lists/hosts?community=coast"),
    Address("list-uploaders", "/stats/lists/uploaders", ADMINISTRATOR),
    Address("list-files", "/stats/lists/files?record=r1"),
    Address("list-versions", "/stats/lists/versions?record=r1"),
]
STATES = [
    Address("nothing-yet", "/stats/records/r1", answers={"record-total": NOTHING}, says="No views or downloads yet."),
    Address(
        "nothing-then",
        f"/stats/records/r1?from={_day(2, 5)}&to={_day(2, 5)}",
        says="That is a counted zero, not a gap.",
    ),
    Address(
        "before-counting",
        f"/stats/?from={months_back(MONTHS)[0].year - 1}-01&interval=quarter",
        says="Counting began on",
    ),
    Address(
        "gap",
        "/stats/",
        answers={"repository-total": {"complete": False, "gaps": [SILENT]}},
        says="These numbers are too low.",
    ),
    Address(
        "late",
        "/stats/",
        answers={"repository-total": {"complete": False, "gaps": [], "updated": "2026-11-10T22:00:00+00:00"}},
        says="Counted up to November 10, 2026, 22:00 UTC only.",
    ),
    Address(
        "folded",
        "/stats/",
        answers={
            "repository-countries": {
                "rows": [],
                "other": {"views": 0, "downloads": 9},
                "unknown": NOTHING,
                "not_shown": ["2026-09"],
            }
        },
        says="Not shown by country.",
    ),
    Address("part-of-month", f"/stats/?from={_day(2, 11)}&to={_day(2, 14)}", says="By country only for whole months."),
    Address("log-in", "/stats/me", status=401, says="These numbers are for the uploader and for managers."),
    Address("refused", "/stats/users/7", MANAGER, 403, says="These numbers are for the uploader and for managers."),
    Address("wrong-order", "/stats/?from=2026-05-01&to=2026-04-01", status=400, says="“From” is after “To”."),
    Address(
        "wrong-report",
        "/stats/reports?report=pr_p1&from=1999-01&yop=2020&format=tsv",
        status=400,
        says="'1999-01' is not a closed month.",
    ),
    Address("report-refused", "/stats/reports?customer=c1", status=401, says="These reports are for administrators."),
    Address("too-many-steps", "/stats/?period=all&interval=day", status=400, says="Use the longer interval"),
    Address(
        "engine-away",
        "/stats/",
        status=503,
        answers={"repository-total": AWAY},
        says="The numbers cannot be read at the moment.",
    ),
    Address(
        "part-away",
        "/stats/",
        answers={"repository-series": AWAY, "repository-open-ratio": AWAY},
        says="This part cannot be shown at the moment.",
    ),
]
EVERY = [*PAGES, *STATES]


@contextmanager
def answering(app, answers):
    """Have queries answer other values, or an error, while the context is open."""
    before = app.config["STATS_QUERIES"]
    app.config["STATS_QUERIES"] = {**before, **{name: _change(name, **changes) for name, changes in answers.items()}}
    try:
        yield
    finally:
        app.config["STATS_QUERIES"] = before


def _change(name, error=None, **changes):
    entry = queries()[name]

    class Changed(entry["cls"]):
        def present(self, question, counted, identity):
            if error:
                raise error
            return {**super().present(question, counted, identity), **changes}

    return {**entry, "cls": Changed}
