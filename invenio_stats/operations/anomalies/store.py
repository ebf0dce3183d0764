"""Keep unusual days and months; a decision about one is never overwritten by a search for them."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.anomalies import Anomaly, State
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.indices import create_index
from invenio_stats.search.multi_get import read_one
from invenio_stats.search.scan import hits, read_each
from invenio_stats.search.versions import SharedDocument, Source

_BODY: mappings.Body = {
    "settings": mappings.INDEX_SETTINGS,
    "mappings": mappings.mappings({"period": mappings.KEYWORD, "state": mappings.KEYWORD}),
}
"""Other fields are stored, and nothing searches for them."""

_ATTEMPTS = 5


def read_anomalies(client: Any, state: State | None = None) -> list[Anomaly]:
    """Return all unusual days and months, or those in a state: the latest first, the greatest number first.

    A document that another program has written there is logged and left out.
    """
    query = None if state is None else {"term": {"state": state}}
    return sorted(_find(client, query), key=lambda anomaly: (anomaly.period, anomaly.number, anomaly.id), reverse=True)


def read_anomaly(client: Any, anomaly_id: str) -> Anomaly | None:
    """Return one by its id; None if there is none."""
    found = read_one(client, prefix_index(names.ANOMALIES), anomaly_id)
    return next(read_each([found], _read), None) if found.get("found") else None


def count_open(client: Any) -> int:
    """Return how many wait for a decision."""
    body = {"query": {"term": {"state": "open"}}}
    answer = client.count(index=prefix_index(names.ANOMALIES), body=body, ignore_unavailable=True)
    return int(answer["count"])


def keep_found(client: Any, period: str, found: Collection[Anomaly]) -> None:
    """Keep what was found for a day or month, in place of what was found for it before and nobody has decided about.

    Repeated, it changes nothing.
    """
    stored = {known.id: known for known in _find(client, {"term": {"period": period}})}
    for anomaly in found:
        known = stored.pop(anomaly.id, None)
        if known is None or _differs(known, anomaly):
            change(client, anomaly.id, partial(_renew, anomaly))
    for known in stored.values():
        if known.is_undecided:
            _delete_open(client, known.id)


def change(client: Any, anomaly_id: str, make: Callable[[Anomaly | None], Anomaly | None]) -> None:
    """Replace an anomaly by what `make` returns; it returns None to leave it as it is.

    `make` gets the present state, None if there is none, or a document that cannot be read. EngineUnavailableError if
    others keep changing it.
    """
    index = prefix_index(names.ANOMALIES)

    def make_source(source: Source) -> Source | None:
        hits_of_it = [{"_index": index, "_id": anomaly_id, "_source": source}] if source else []
        made = make(next(read_each(hits_of_it, _read), None))
        return None if made is None else made.as_source()

    if not _document(client, anomaly_id).change(make_source, _ATTEMPTS):
        raise EngineUnavailableError(f"Others keep changing {anomaly_id}. Run the command again.")


def _document(client: Any, anomaly_id: str) -> SharedDocument:
    index = prefix_index(names.ANOMALIES)
    return SharedDocument(client, index, anomaly_id, partial(create_index, client, index, _BODY))


def _find(client: Any, query: Any) -> list[Anomaly]:
    index = prefix_index(names.ANOMALIES)
    try:
        client.indices.refresh(index=index)
        return list(read_each((hit for hit in hits(client, index, query) if hit["_source"]), _read))
    except search.exceptions.NotFoundError:
        return []  # nothing unusual was ever found


def _read(hit: Mapping[str, Any]) -> Anomaly:
    anomaly = Anomaly.from_source(hit["_source"])
    if anomaly.id != hit["_id"]:
        raise ValueError(f"{anomaly.id!r} is not the id of its document.")
    return anomaly


def _differs(known: Anomaly, found: Anomaly) -> bool:
    return known.is_undecided and known._replace(found=found.found) != found


def _renew(found: Anomaly, known: Anomaly | None) -> Anomaly | None:
    """Return what was found, with the time when it was first found; None if a person has decided about it."""
    if known is None:
        return found
    return found._replace(found=known.found) if known.is_undecided else None


def _delete_open(client: Any, anomaly_id: str) -> None:
    """Delete one that is not unusual any more, unless a person decides about it at this moment."""
    document = _document(client, anomaly_id)
    if document.source and Anomaly.from_source(document.source).is_undecided:
        document.delete()  # if somebody has changed it, the next search sees what it is now
