"""Turn events into clicks: run their preprocessors, and build the documents to be stored."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from celery.exceptions import SoftTimeLimitExceeded

from invenio_stats.core.agent_classes import is_machine, is_robot
from invenio_stats.core.double_clicks import Click, cell_start, document_id_of, identity_of
from invenio_stats.core.events import Event, IdentifiedEvent, Preprocessor, with_id
from invenio_stats.core.moments import END, is_iso, iso, iso_zoned, parse, to_second
from invenio_stats.core.usage_fields import complete_usage, find_unknown_value, is_mining
from invenio_stats.core.visitors import has_personal_data, is_without_visitor
from invenio_stats.errors import PersonalDataError
from invenio_stats.privacy.error_texts import describe, without_text
from invenio_stats.privacy.pseudonymization import REJECTED, to_dead_letter
from invenio_stats.privacy.pseudonyms import stored_referrer
from invenio_stats.privacy.user_agents.cache import describe as describe_agent
from invenio_stats.privacy.user_agents.cache import note as note_for_catalog
from invenio_stats.processing.batch import AgentKey, Batch

logger = logging.getLogger(__name__)


class ClickRules(NamedTuple):
    """The parameters with which the events of one batch become clicks."""

    chain: Sequence[Preprocessor]
    drop_reason: Callable[[Preprocessor, Event], str]
    """Returns the reason under which an event is counted that a preprocessor has dropped."""
    window: int
    """Seconds within which two clicks are a double click."""
    stamp: str
    """Value of `updated_timestamp` for this batch."""
    first_complete_day: datetime
    """Events before it are rejected, because the totals of their day cannot be recounted."""
    queue: str
    alias: str
    """Names of the queue and of the events' alias, for messages."""
    last_moment: datetime = END
    """Events after it are rejected: their clock is wrong."""
    writes_zone: bool = False
    """Whether timestamps are written with their time zone."""


def build_clicks(events: Iterable[Event], rules: ClickRules, batch: Batch) -> Iterator[Click]:
    """Yield the click of each event; record in the batch the events that are dropped or can never be stored."""
    for event in events:
        if isinstance(event.get(REJECTED), str):  # it could not be pseudonymized where it was published
            batch.failures.append((to_dead_letter(event), event[REJECTED]))
            continue
        try:
            click = _build_click(event, rules, batch)
        except (ImportError, SoftTimeLimitExceeded):
            raise  # no error of the event, but of the installation, or the task must stop: the batch stays on the queue
        except Exception as error:  # a preprocessor failed, or a field is missing: continue with the other events
            facts = {"queue": rules.queue, "error": describe(error)}
            logger.error("Error while processing event", exc_info=without_text(error), extra=facts)
            batch.failures.append((to_dead_letter(event), f"preprocessor: {describe(error)}"))
            continue
        if click is None:
            continue
        reason = _wrong_time(click, rules) or _wrong_value(click)
        if reason is not None:
            batch.failures.append((to_dead_letter(event), reason))
            continue
        yield click


def _wrong_time(click: Click, rules: ClickRules) -> str | None:
    """Return why an event of that moment cannot be counted; None if it can."""
    if click.moment < rules.first_complete_day:
        return "expired"
    return "in the future" if click.moment > rules.last_moment else None


def _wrong_value(click: Click) -> str | None:
    """Return why an event can be in no report of COUNTER; None if it can."""
    field = find_unknown_value(click.fields)
    return None if field is None else f"unknown {field}"


def _build_click(event: Event, rules: ClickRules, batch: Batch) -> Click | None:
    """Return the click of one event, or None if a preprocessor drops it."""
    doc = _preprocess(event, rules, batch)
    if doc is None:
        return None
    if has_personal_data(doc):
        raise PersonalDataError(rules.alias)
    if doc.get("referrer") is not None:  # a chain without anonymize_user has left it whole
        doc["referrer"] = stored_referrer(doc["referrer"])
    complete_usage(doc)
    timestamp = doc["timestamp"]
    moment = to_second(parse(timestamp))
    cell = cell_start(moment, rules.window)
    previous = doc.pop("previous_visitor_id", None)  # never stored: it would link the visitor's keys of two days
    str(previous).encode()  # fails here for an unpaired surrogate: one event is rejected, and not its whole batch
    if rules.writes_zone:
        doc["timestamp"] = iso_zoned(moment)
    elif not (isinstance(timestamp, str) and is_iso(timestamp)):
        doc["timestamp"] = iso(moment)
    doc["updated_timestamp"] = rules.stamp
    if isinstance(event, IdentifiedEvent):
        doc["event_id"] = event.event_id  # once more: a preprocessor may have made another dict
    identity = identity_of(doc)
    event_id = doc.get("event_id") or document_id_of(cell, identity) or with_id(doc).event_id
    return Click(doc, moment, event_id, cell, identity, previous)


def _preprocess(event: Event, rules: ClickRules, batch: Batch) -> Event | None:
    """Return the event after all preprocessors; None if one drops it, which is counted under its reason."""
    doc: Event = dict(event)
    if isinstance(event, IdentifiedEvent):
        doc["event_id"] = event.event_id
    for preprocess in rules.chain:
        before = doc
        result = preprocess(doc)
        if result is None:
            batch.dropped[rules.drop_reason(preprocess, before)] += 1
            _note_agent(before, batch)
            return None
        doc = result
    _note_agent(doc, batch)
    return doc


def _note_agent(doc: Event, batch: Batch) -> None:
    """Count an event of a robot, AI agent or tool under its agent, unless the mining was agreed."""
    agent_id, agent_class = doc.get("agent_id"), doc.get("agent_class", "")
    if "user_agent" in doc and not is_without_visitor(doc):  # dropped before it was pseudonymized
        agent = describe_agent(doc["user_agent"])
        agent_id, agent_class = agent.agent_id, agent.agent_class
        note_for_catalog(agent)
    if (is_robot(agent_class) or is_machine(agent_class)) and not is_mining(doc):
        batch.agents[AgentKey(agent_id or "", agent_class)] += 1
