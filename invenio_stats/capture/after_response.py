"""Defer usage events until the response status is known.

The signals of a view and a download are sent before the response exists, even for a HEAD request, a range that cannot
be satisfied, or a file that turns out to be missing.
"""

import logging
from collections import Counter
from typing import Any

from flask import Flask, has_request_context, request, request_finished, request_started

from invenio_stats.core.delivered_content import (
    REDIRECTED_TYPES,
    SENT_BY_ANOTHER_SERVER,
    Answer,
    is_prefetch,
    is_usage,
)
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.errors import EventsRefusedError
from invenio_stats.privacy.error_texts import without_text
from invenio_stats.proxies import current_stats, unwrap

logger = logging.getLogger(__name__)

_KEY = "invenio_stats.deferred"


class _Deferred:
    """The deferred events of one request, and the status of its response once that is known."""

    def __init__(self) -> None:
        self.events: dict[str, list[IdentifiedEvent]] = {}
        self.objections: Counter[str] = Counter()
        """Events that were not built because the visitor objects, by type."""
        self.answer: Answer | None = None


def register_after_response(app: Flask) -> None:
    """Defer the usage events of every request that the application dispatches until the request has finished."""
    request_started.connect(_begin, sender=app)
    request_finished.connect(_end, sender=app)


def publish_after_response(event_type: str, event: IdentifiedEvent) -> None:
    """Defer a usage event until the response is known; outside of a dispatched request, publish it at once.

    Events emitted while the response streams are published or discarded at once, by the same rule. Tasks, shells and
    test contexts have no dispatched request.
    """
    deferred = _find_deferred()
    if deferred is None:
        current_stats.publish(event_type, [event])
    elif deferred.answer is None:
        deferred.events.setdefault(event_type, []).append(event)
    elif is_usage(deferred.answer, event.leads_to_content):
        current_stats.publish(event_type, [event])


def count_objection_after_response(event_type: str) -> None:
    """Count a usage event that was not built because the visitor objects, if it would have been published."""
    deferred = _find_deferred()
    if deferred is None:
        count_objections(event_type)
    elif deferred.answer is None:
        deferred.objections[event_type] += 1
    elif is_usage(deferred.answer, event_type in REDIRECTED_TYPES):
        count_objections(event_type)


def count_objections(event_type: str, number: int = 1) -> None:
    """Count events that were not built because the visitor objects."""
    from invenio_stats.privacy import objection_counts  # only where somebody objects

    objection_counts.note(event_type, number)


def _find_deferred() -> _Deferred | None:
    deferred: _Deferred | None = unwrap(request).environ.get(_KEY) if has_request_context() else None
    return deferred


def _begin(app: Flask, **kwargs: Any) -> None:
    request.environ[_KEY] = _Deferred()


def _end(app: Flask, response: Any, **kwargs: Any) -> None:
    deferred = _find_deferred()
    if deferred is None:
        return
    deferred.answer = _answer(response)
    for event_type, events in deferred.events.items():
        counted = [event for event in events if is_usage(deferred.answer, event.leads_to_content)]
        if counted:
            _publish(event_type, counted)
    for event_type, number in deferred.objections.items():
        if is_usage(deferred.answer, event_type in REDIRECTED_TYPES):
            count_objections(event_type, number)
    deferred.events, deferred.objections = {}, Counter()


def _answer(response: Any) -> Answer:
    """Return what the rule of counting needs to know of the current request and its response."""
    return Answer(
        method=request.method,
        status=response.status_code,
        content_range=response.headers.get("Content-Range"),
        requested_range=request.headers.get("Range"),
        is_sent_elsewhere=any(name in response.headers for name in SENT_BY_ANOTHER_SERVER),
        is_prefetch=is_prefetch(request.headers),
    )


def _publish(event_type: str, events: list[IdentifiedEvent]) -> None:
    try:
        current_stats.publish(event_type, events)
    except EventsRefusedError:
        return  # the outbox logs it once a minute
    except Exception as error:  # a failure of the statistics must not break the response
        facts = {"event_type": event_type, "events": len(events)}
        logger.error("Error publishing events", exc_info=without_text(error), extra=facts)
