"""Processors: events from the queue, through their preprocessors, into daily indices."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from datetime import datetime, timezone
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from flask import current_app
from invenio_queues.queue import Queue
from invenio_search import current_search_client
from invenio_search.utils import prefix_index

from invenio_stats.broker.consume import BATCH_SIZE, Inbox
from invenio_stats.broker.dead_letters import RejectedEvent
from invenio_stats.core import names
from invenio_stats.core.double_clicks import (
    DEFAULT_WINDOW,
    Click,
    cell_start,
    check_window,
    document_id_of,
    identity_of,
)
from invenio_stats.core.events import (
    Event,
    IdentifiedEvent,
    Preprocessor,
    file_unique_id,
    hash_id,
    record_unique_id,
    with_id,
)
from invenio_stats.core.mappings import Field
from invenio_stats.core.moments import BEGINNING, is_iso, iso, iso_zoned, parse, to_second, utc
from invenio_stats.errors import PersonalDataError, without_text
from invenio_stats.privacy.pseudonyms import PERSON, Pseudonymizer, has_personal_data, is_done
from invenio_stats.privacy.salts import get_anonymization_salt
from invenio_stats.privacy.user_agents.cache import describe
from invenio_stats.privacy.user_agents.classifier import AgentClass, is_machine, is_robot
from invenio_stats.processing.batch_runner import MAX_BATCHES_IN_FLIGHT, Outcome, in_batches, run_batches
from invenio_stats.search.bulk import Action, sends_directly
from invenio_stats.support.import_strings import load

if TYPE_CHECKING:  # what a worker needs, and no web process pays for
    pass

if TYPE_CHECKING:  # what a worker needs, and no web process pays for
    from invenio_stats.processing.event_store import StoreResult

__all__ = (
    "EventsIndexer",
    "Outcome",
    "anonymize_user",
    "build_file_unique_id",
    "build_record_unique_id",
    "filter_machines",
    "filter_robots",
    "flag_machines",
    "flag_robots",
    "hash_id",
)

logger = logging.getLogger(__name__)


def flag_robots(doc: Event, exclude: bool = False) -> Event | None:
    """Set `is_robot`: a robot, an AI agent or a tool on COUNTER's list of robots; with `exclude`, drop such events."""
    doc["is_robot"] = _is_robot(doc)
    return None if exclude and doc["is_robot"] else doc


def flag_machines(doc: Event, exclude: bool = False) -> Event | None:
    """Set `is_machine`: whether the agent is a script or tool such as curl; with `exclude`, drop such events."""
    doc["is_machine"] = is_machine(_agent_class(doc))
    return None if exclude and doc["is_machine"] else doc


def filter_robots(doc: Event) -> Event | None:
    """Drop the events of robots, AI agents and the tools that COUNTER's list of robots names, such as curl."""
    return flag_robots(doc, exclude=True)


def filter_machines(doc: Event) -> Event | None:
    """Drop the events of scripts and tools."""
    return flag_machines(doc, exclude=True)


def _is_robot(doc: Event) -> bool:
    """Return True for a robot's event; a pseudonymized event says what the web process found in the agent's text."""
    if "agent_class" in doc:
        return bool(doc.get("is_robot")) or is_robot(doc["agent_class"])
    return "user_agent" in doc and describe(doc["user_agent"]).is_robot


def _agent_class(doc: Event) -> AgentClass:
    """Return the class of an event's agent; an event that never had one (no key) is nobody's robot."""
    if "agent_class" in doc:
        return doc["agent_class"]
    return describe(doc["user_agent"]).agent_class if "user_agent" in doc else "unknown"


def anonymize_user(doc: Event) -> Event:
    """Put keys in the place of the person: country, visitor, session and kind of agent, without address and ids.

    The keys are hashes under the day's salt, so nobody can be followed to the next day. An event that is
    pseudonymized already, as most are when they reach the queue, is left alone.
    """
    return pseudonymize(doc)


def pseudonymize(event: Event, window: int = DEFAULT_WINDOW, keep_user_id: bool = False) -> Event:
    """Pseudonymize an event in place; returns it."""
    return event if is_done(event) else pseudonymizer(window, keep_user_id)(event)


def pseudonymizer(window: int = DEFAULT_WINDOW, keep_user_id: bool = False) -> Pseudonymizer:
    """Return what pseudonymizes events, with the salt that this module gives: test suites replace it here."""
    return Pseudonymizer(get_anonymization_salt, window, keep_user_id)


def build_file_unique_id(doc: Event) -> Event:
    """Set what makes two downloads downloads of the same file."""
    doc["unique_id"] = file_unique_id(doc)
    return doc


def build_record_unique_id(doc: Event) -> Event:
    """Set what makes two views views of the same record."""
    doc["unique_id"] = record_unique_id(doc)
    return doc


def _loaded(setting_path: str, preprocessors: Iterable[Preprocessor | str]) -> list[Preprocessor]:
    return [load(f"{setting_path}: preprocessors", one) for one in preprocessors]


class EventsIndexer:
    """Stores the events of one queue.

    `actionsiter` turns one batch of the queue into index actions and touches nothing else; `run` stores them,
    batch by batch until the queue is empty, and acknowledges a batch after the engine has it. What can never
    be stored goes to the dead letters with its reason.

    A subclass may override either. An overridden `run` is called until the queue is empty; its batch is
    acknowledged when it returns, and goes back to the queue when it raises.
    """

    on_batch: Callable[[int], None] | None = None
    on_outcome: Callable[[Outcome], None] | None = None
    _first_complete_day: Callable[[], datetime] = staticmethod(lambda: BEGINNING)
    time_budget: float | None = None
    """Seconds after which a run stops at the end of its batch; None for no limit."""
    default_preprocessors: list[Preprocessor] = [flag_robots, flag_machines, anonymize_user]

    def __init__(
        self,
        queue: Any,
        prefix: str = names.EVENTS_PREFIX,
        suffix: str = names.DAILY_SUFFIX,
        client: Any = None,
        preprocessors: Iterable[Preprocessor | str] | None = None,
        double_click_window: int = DEFAULT_WINDOW,
        fields: dict[str, Field] | None = None,
    ):
        """Read a queue of invenio-queues, or any object with `routing_key` and `consume()`.

        :param suffix: how the date ends an index name; daily by default.
        :param preprocessors: functions or their import strings, run in order on each event; None from one drops it.
        :param double_click_window: seconds within which clicks on the same thing are one; 0 for none.
        :param fields: mappings of the event's own fields, for a type without index templates.
        """
        self.queue = Inbox(queue) if isinstance(queue, Queue) else queue
        self.client = client or current_search_client
        self.index = prefix_index(f"{prefix}-{queue.routing_key}")
        self.suffix = suffix
        self.preprocessors = self.default_preprocessors if preprocessors is None else _loaded(self.index, preprocessors)
        self.double_click_window = check_window(double_click_window)
        self.fields = fields
        self._writes_zone = current_app.config.get("STATS_EVENTS_UTC_DATETIME_ENABLED", False)
        self.failures: list[RejectedEvent] = []
        self.dropped: Counter[str] = Counter()
        from invenio_stats.processing.event_store import EventStore  # a worker's: no web process pays for it

        self.store = EventStore(self.client, self.index, suffix, self.double_click_window, fields, _now)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Put the handling of batches around a `run` of the subclass's own."""
        super().__init_subclass__(**kwargs)
        if "run" in cls.__dict__:
            cls.run = in_batches(cls.run)  # type: ignore[method-assign]

    def actionsiter(self) -> Iterator[Action]:
        """Yield the index action of each event of one batch; note those that fail in `failures`."""
        return map(self._as_action, self._clicks())

    def _clicks(self) -> Iterator[Click]:
        """Yield each event of one batch as it comes out of its preprocessors."""
        stamp = iso_zoned(_now())
        for event in self.queue.consume():
            first_day = self._first_complete_day()  # an engine that does not answer is not the event's fault
            try:
                click = self._click(event, stamp)
            except ImportError:
                raise  # the environment is at fault, not the event: it stays on the queue
            except Exception as error:
                facts = {"queue": self.queue.routing_key, "error": type(error).__name__}
                logger.error("Error processing event", exc_info=without_text(error), extra=facts)
                self.failures.append((_as_dead_letter(event), f"preprocessor: {type(error).__name__}"))
                continue
            if click is None:
                continue
            if click.moment < first_day:
                self.failures.append((_as_dead_letter(event), "expired"))
                continue
            yield click

    def run(self) -> Outcome:
        """Store what waits on the queue; return (stored, failed)."""
        self._sender = ThreadPoolExecutor(MAX_BATCHES_IN_FLIGHT)  # the next batch is made ready while others are stored
        try:
            return run_batches(self, self._run_batch)
        finally:
            self._sender.shutdown(cancel_futures=True)

    def begin(self) -> None:
        """Get ready for a run; whoever calls `actionsiter` without one gets the actions of old events too."""
        from invenio_stats.totals.first_complete_day import first_complete_day_of_queue  # as above

        if isinstance(self.queue, Inbox):
            name = self.queue.routing_key
            self._first_complete_day = cache(lambda: first_complete_day_of_queue(self.client, name, self.index, _now()))

    def prepare(self) -> None:
        """Make sure of the indices of the next batch, for a `run` that hands the actions to the engine itself.

        Where a mapping refuses fields of ours, the actions come without them.
        """
        if not isinstance(self.queue, Inbox):
            return
        for event in self.queue.peek():
            with suppress(ValueError, KeyError):  # the run will say it
                self.store.try_to_ensure(cell_start(parse(event["timestamp"]), self.double_click_window))

    def _run_batch(self) -> Outcome | Future[Outcome]:
        """Store one batch; actions that are not ours go to the engine as they are."""
        self.dropped = Counter()
        is_ours = type(self).actionsiter is EventsIndexer.actionsiter and sends_directly()
        things: Iterator[Any] = self._clicks() if is_ours else iter(self.actionsiter())
        store = self.store.store_clicks if is_ours else self._store_actions
        if isinstance(self.queue, Inbox):
            batch = list(things)
            return self._sender.submit(copy_context().run, _outcome, store, [batch], self.failures, self.dropped)
        chunks = iter(lambda: list(islice(things, BATCH_SIZE)), [])
        return _outcome(store, chunks, self.failures, self.dropped)

    def _store_actions(self, actions: list[Action]) -> "StoreResult":
        for action in actions:
            if "_click" in action:
                self.store.ensure(action["_click"].cell)
        return self.store.store_actions(actions)

    def _click(self, event: Event, stamp: str) -> Click | None:
        """Return one event as it is to be stored, or None when a preprocessor drops it."""
        doc = self._preprocess(event)
        if doc is None:
            return None
        if has_personal_data(doc):
            raise PersonalDataError(self.index)
        timestamp = doc["timestamp"]
        moment = to_second(parse(timestamp))
        cell = cell_start(moment, self.double_click_window)
        previous = doc.pop("previous_visitor_id", None)  # never stored: it would tie two days together
        str(previous).encode()  # what is no text fails here, alone, and not when its batch is stored
        if self._writes_zone:
            doc["timestamp"] = iso_zoned(moment)
        elif not (isinstance(timestamp, str) and is_iso(timestamp)):
            doc["timestamp"] = iso(moment)
        doc["updated_timestamp"] = stamp
        if isinstance(event, IdentifiedEvent):
            doc["event_id"] = event.event_id
        identity = identity_of(doc)
        event_id = doc.get("event_id") or document_id_of(cell, identity) or with_id(doc).event_id
        return Click(doc, moment, event_id, cell, identity, previous)

    def _as_action(self, click: Click) -> Action:
        """Return what the engine's bulk helper takes, without the fields that the index refuses."""
        index = self.store.index_of(click.cell)
        refused = self.store.refused_fields(index)
        doc = click.fields
        return {
            "_id": document_id_of(click.cell, click.identity) or click.event_id,
            "_op_type": "index",
            "_index": index,
            "_source": {name: value for name, value in doc.items() if name not in refused} if refused else doc,
            "_click": click,
        }

    def _preprocess(self, event: Event) -> Event | None:
        """Return the event as its chain makes it; None, counted under a reason, when a step drops it."""
        doc: Event = dict(event)
        for preprocess in self.preprocessors:
            before = doc
            result = preprocess(doc)
            if result is None:
                self.dropped[_reason(preprocess, before)] += 1
                return None
            doc = result
        return doc


def _outcome(
    store: Callable[[list[Any]], "StoreResult"],
    chunks: Iterable[list[Any]],
    failures: list[RejectedEvent],
    dropped: Counter[str],
) -> Outcome:
    """Store what a batch has, and return what became of all of it.

    It may run beside the reading of the next batch, whose failures and dropped are others.
    """
    outcome = Outcome()
    for chunk in filter(None, chunks):
        stored = store(chunk)
        failures += stored.refused
        double_clicks = stored.collapsed + stored.superseded
        outcome += Outcome(stored.taken, duplicates=stored.duplicates, double_clicks=double_clicks)
    return outcome + Outcome(dead=len(failures), dropped=dropped)


def _as_dead_letter(event: Event) -> Event:
    """Return an event for the dead letters: pseudonymized or, if it cannot be, without its personal fields."""
    try:
        return pseudonymize(event)
    except Exception:
        for field in PERSON:
            event.pop(field, None)
        return event


def _reason(preprocess: Preprocessor, event: Event) -> str:
    """Return why an event was dropped: its agent's class where that is the reason, else the step's name."""
    if preprocess in (filter_robots, filter_machines):
        return _agent_class(event)
    return f"preprocessor:{getattr(preprocess, '__name__', type(preprocess).__name__)}"


def _now() -> datetime:
    return utc(datetime.now(timezone.utc))
