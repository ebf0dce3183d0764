"""Which rules and lists are in force, and since when: workers note what has changed when they start."""

from collections.abc import Mapping
from datetime import date, datetime
from importlib.metadata import version
from typing import NamedTuple

from flask import current_app
from invenio_search import current_search_client

from invenio_stats.completeness.index import document_ref, shared_document
from invenio_stats.errors import StatsError
from invenio_stats.privacy.geoip import country_database, open_database
from invenio_stats.privacy.user_agents.cache import current_classifier
from invenio_stats.queries.usage.answers import RULES
from invenio_stats.search.multi_get import read
from invenio_stats.search.versions import Source

_ID = "versions:"
_ATTEMPTS = 5
_NOTED = "invenio-stats-versions-noted"


class Version(NamedTuple):
    """What is in force."""

    what: str
    """`rules`, `invenio-stats`, `countries`, or the name of a list of user agents: `counter`, `is-bot`, `own`, `site`
    (the patterns of the instance)."""
    version: str
    since: date | None
    """The day when a worker first had it; None if none has noted it yet."""


def read_versions() -> list[Version]:
    """Return what is in force in this process, in order; asks the search engine."""
    (found,) = read(current_search_client, [document_ref(_ID)])
    noted = found.get("_source", {}).get("versions", {})
    return [Version(what, known, _since(noted.get(what), known)) for what, known in current_versions().items()]


def current_versions() -> dict[str, str]:
    """Return what is in force in this process."""
    lists = dict(part.rpartition("-")[::2] for part in current_classifier().version.split("+"))
    versions = {"rules": RULES, "invenio-stats": version("invenio-stats"), **lists}
    path = country_database()
    built = open_database(path).built() if path and open_database(path).check() else None
    return versions if built is None else {**versions, "countries": f"{built:%Y-%m-%d}"}


def note_versions(now: datetime) -> None:
    """Keep since when each version is in force; once in each process, also if that fails."""
    if current_app.extensions.setdefault(_NOTED, False):
        return
    current_app.extensions[_NOTED] = True
    versions = current_versions()
    document = shared_document(current_search_client, _ID)
    if not document.change(lambda source: _noted(source, versions, now), _ATTEMPTS):
        raise StatsError("Others keep changing the versions in force.")


def _noted(source: Source, versions: Mapping[str, str], now: datetime) -> Source | None:
    """Return the document with the present versions; None if it has them."""
    before = source.get("versions", {})
    today = now.date().isoformat()
    noted = {
        what: before[what] if _since(before.get(what), known) else {"version": known, "since": today}
        for what, known in versions.items()
    }
    return None if noted == before else {"versions": noted}


def _since(noted: Mapping[str, str] | None, known: str) -> date | None:
    return date.fromisoformat(noted["since"]) if noted and noted["version"] == known else None
