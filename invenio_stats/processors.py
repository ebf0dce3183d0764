"""Preprocess the events of a queue, and store them in daily indices."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import cache, wraps
from itertools import chain
from typing import TYPE_CHECKING, Any

from invenio_queues.queue import Queue
from invenio_search import current_search_client
from invenio_search.utils import prefix_index

from invenio_stats.broker.consume import Inbox
from invenio_stats.config import writes_zone
from invenio_stats.core import names
from invenio_stats.core.agent_classes import AgentClass, is_machine, is_robot
from invenio_stats.core.double_clicks import DEFAULT_WINDOW, Click, cell_start, check_window, document_id_of
from invenio_stats.core.events import Event, Preprocessor, file_unique_id, hash_id, record_unique_id
from invenio_stats.core.mappings import Field
from invenio_stats.core.moments import END, iso_zoned, parse, utc
from invenio_stats.core.usage_fields import is_mining
from invenio_stats.core.visitors import is_without_visitor
from invenio_stats.privacy.pseudonymization import anonymize_user, use_salt_getter
from invenio_stats.privacy.salts import get_anonymization_salt
from invenio_stats.privacy.user_agents.cache import describe
from invenio_stats.processing.batch import Batch, nothing_is_too_old
from invenio_stats.processing.batch_runner import NO_OPTIONS, Outcome, run_batches, store_batches
from invenio_stats.processing.clicks import ClickRules, build_clicks
from invenio_stats.search.bulk import Action, sends_directly
from invenio_stats.support.import_strings import load

if TYPE_CHECKING:  # web processes import this module, and must not load the modules that only workers need
    from invenio_stats.processing.event_store import EventStore, StoreResult

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

MAX_AHEAD = timedelta(days=1)
"""How far an event may be ahead of the worker's clock: clocks differ, and no time zone is a day wrong. On a queue that
is not ours any event may be: test suites set the clock of this module to a year of theirs."""


def flag_robots(doc: Event, exclude: bool = False) -> Event | None:
    """Set `is_robot`, True for a robot, an AI agent or a tool on COUNTER's list; with `exclude`, drop such events.

    Text and data mining that was agreed is never dropped.
    """
    doc["is_robot"] = _is_robot(doc)
    return None if exclude and doc["is_robot"] and not is_mining(doc) else doc


def flag_machines(doc: Event, exclude: bool = False) -> Event | None:
    """Set `is_machine`, True for a script or a tool such as curl; with `exclude`, drop such events.

    Text and data mining that was agreed is never dropped.
    """
    doc["is_machine"] = is_machine(_agent_class(doc))
    return None if exclude and doc["is_machine"] and not is_mining(doc) else doc


def filter_robots(doc: Event) -> Event | None:
    """Drop the events of robots, AI agents and the tools that COUNTER's list of robots names, such as curl.

    Text and data mining that was agreed stays, flagged.
    """
    return flag_robots(doc, exclude=True)


def filter_machines(doc: Event) -> Event | None:
    """Drop the events of scripts and tools; text and data mining that was agreed stays, flagged."""
    return flag_machines(doc, exclude=True)


def _is_robot(doc: Event) -> bool:
    """Return True for a robot's event; a pseudonymized event says what the web process found in the agent's text."""
    if "user_agent" in doc:  # whatever else the event has: it is not pseudonymized yet
        return not is_without_visitor(doc) and describe(doc["user_agent"]).is_robot
    return "agent_class" in doc and (bool(doc.get("is_robot")) or is_robot(doc["agent_class"]))


def _agent_class(doc: Event) -> AgentClass:
    """Return the class of an event's agent.

    It is unknown, and so no robot, if the event has no agent, or never had a visitor.
    """
    if "user_agent" in doc:  # whatever else the event has: it is not pseudonymized yet
        return "unknown" if is_without_visitor(doc) else describe(doc["user_agent"]).agent_class
    agent_class: AgentClass = doc.get("agent_class", "unknown")
    return agent_class


def build_file_unique_id(doc: Event) -> Event:
    """Set `unique_id`, which is equal for downloads of the same file."""
    doc["unique_id"] = file_unique_id(doc)
    return doc


def build_record_unique_id(doc: Event) -> Event:
    """Set `unique_id`, which is equal for views of the same record."""
    doc["unique_id"] = record_unique_id(doc)
    return doc


def _load_all(setting_path: str, preprocessors: Iterable[Preprocessor | str]) -> list[Preprocessor]:
    return [load(f"{setting_path}: preprocessors", preprocessor) for preprocessor in preprocessors]


class EventsIndexer:
    """Stores the events of one queue.

    `actionsiter` turns one batch of the queue into index actions, without side effects; `run` stores them, batch by
    batch until the queue is empty, and acknowledges each batch after the engine has stored it. Events that can never be
    stored go to the dead letters with their reasons.

    A subclass may override either. An overridden `run` is called until the queue is empty; its batch is
    acknowledged when it returns, and goes back to the queue if it raises.
    """

    default_preprocessors: list[Preprocessor] = [flag_robots, flag_machines, anonymize_user]
    run_options = NO_OPTIONS
    """Options of the run; set them before `run()`."""

    # Defaults for subclasses that skip `super().__init__`; a subclass or its user may set any of them at any time.
    queue: Any
    index: str
    client: Any = current_search_client
    suffix: str = names.DAILY_SUFFIX
    preprocessors: list[Preprocessor] = default_preprocessors
    double_click_window: int = DEFAULT_WINDOW
    fields: dict[str, Field] | None = None
    _batch: Batch | None = None
    """The batch that is being built; a run replaces it for each batch."""
    _used_store: "EventStore | None" = None

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

        :param suffix: suffix of an index name, as a strftime format; daily by default.
        :param preprocessors: functions or their import strings, called in order for each event; None drops the event.
        :param double_click_window: seconds within which two clicks on an item are a double click; 0 for none.
        :param fields: mappings of additional fields, for an event type without index templates.
        """
        self.queue = Inbox(queue) if isinstance(queue, Queue) else queue
        self.client = client or current_search_client
        self.index = prefix_index(f"{prefix}-{queue.routing_key}")
        self.suffix = suffix
        self.preprocessors = (
            self.default_preprocessors if preprocessors is None else _load_all(self.index, preprocessors)
        )
        self.double_click_window = check_window(double_click_window)
        self.fields = fields
        self._used_store = self._store  # made with the indexer, so that a run begins with everything at hand

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Wrap the `run` of a subclass, also of one from a mixin, so that it is called and acknowledged by batch."""
        super().__init_subclass__(**kwargs)
        if cls.run is not _OWN_RUN and not hasattr(cls.run, _IS_BATCHED):
            cls.run = _in_batches(cls.run)  # type: ignore[method-assign]

    def actionsiter(self) -> Iterator[Action]:
        """Yield the index action of each event of one batch; events that fail are noted in the batch."""
        return map(self._as_action, self._clicks())

    def run(self) -> Outcome:
        """Store the events on the queue; return (stored, failed)."""
        if getattr(self.actionsiter, "__func__", None) is _OWN_ACTIONSITER and sends_directly():
            read, store = self._clicks, self._store_clicks
        else:  # actions of a subclass, or that a test suite intercepts, are sent to the engine unchanged
            read, store = self.actionsiter, self._store_actions

        def read_batch(batch: Batch) -> Iterator[Any]:
            self._batch = batch
            return iter(read())

        return store_batches(self.queue, read_batch, store, self.run_options, self._first_complete_day())

    @property
    def _store(self) -> "EventStore":
        """The store for the attributes as they are now."""
        from invenio_stats.processing.event_store import EventStore  # only workers need it

        attributes = (self.client, self.index, self.suffix, self.double_click_window, self.fields)
        if self._used_store is None or self._used_store.attributes != attributes:
            self._used_store = EventStore(*attributes, _now)
        return self._used_store

    def _clicks(self) -> Iterator[Click]:
        """Yield the click of each event of one batch."""
        batch, events = self._batch or Batch(), iter(self.queue.consume())
        for first in events:  # so that an empty queue does not query the first complete day
            now = _now()
            rules = ClickRules(
                chain=self.preprocessors,
                drop_reason=_drop_reason,
                window=self.double_click_window,
                stamp=iso_zoned(now),
                # not called for each event, where its failure would reject the event
                first_complete_day=batch.first_complete_day(),
                last_moment=now + MAX_AHEAD if isinstance(self.queue, Inbox) else END,
                queue=self.queue.routing_key,
                alias=self.index,
                writes_zone=writes_zone(),
            )
            yield from build_clicks(chain([first], events), rules, batch)

    def _first_complete_day(self) -> Callable[[], datetime]:
        """Return a function for the first complete day, cached for one run; for other queue objects, there is none."""
        from invenio_stats.completeness.first_complete_day import first_complete_day_of_queue  # only workers need it

        if not isinstance(self.queue, Inbox):
            return nothing_is_too_old
        name = self.queue.routing_key
        return cache(lambda: first_complete_day_of_queue(self.client, name, self.index, _now()))

    def _ensure_indices(self) -> None:
        """Create the indices of the next batch, for a `run` that sends the actions to the engine itself.

        It also finds the fields that a mapping rejects, which `actionsiter` then leaves out.
        """
        if not isinstance(self.queue, Inbox):
            return
        for event in self.queue.peek():
            with suppress(ValueError, KeyError):  # from the timestamp; the run rejects the event
                self._store.try_to_ensure(cell_start(parse(event["timestamp"]), self.double_click_window))

    def _store_clicks(self, clicks: list[Click]) -> "StoreResult":
        return self._store.store_clicks(clicks)

    def _store_actions(self, actions: list[Action]) -> "StoreResult":
        store = self._store
        for action in actions:
            if "_click" in action:
                store.ensure(action["_click"].cell)
        return store.store_actions(actions)

    def _as_action(self, click: Click) -> Action:
        """Return the action for the client's bulk helper, without the fields that the index rejects."""
        store = self._store
        index = store.index_of(click.cell)
        refused = store.refused_fields(index)
        doc = click.fields
        return {
            "_id": document_id_of(click.cell, click.identity) or click.event_id,
            "_op_type": "index",
            "_index": index,
            "_source": {name: value for name, value in doc.items() if name not in refused} if refused else doc,
            "_click": click,
        }


def _in_batches(run: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the `run` of a subclass: it is called for each batch, and its results are added up."""

    @wraps(run)
    def run_in_batches(self: EventsIndexer, *args: Any, **kwargs: Any) -> Any:
        def process_batch(batch: Batch) -> Any:
            self._batch = batch
            self._ensure_indices()
            return run(self, *args, **kwargs)

        return run_batches(self.queue, process_batch, self.run_options, self._first_complete_day())

    setattr(run_in_batches, _IS_BATCHED, True)
    return run_in_batches


_IS_BATCHED = "_is_run_in_batches"
_OWN_RUN, _OWN_ACTIONSITER = EventsIndexer.run, EventsIndexer.actionsiter
"""Kept here, because programs and test suites replace them in the class."""


def _salt_at(moment: datetime) -> str:
    return get_anonymization_salt(moment)  # read from this module at each call, because test suites replace it here


use_salt_getter(_salt_at)


def _drop_reason(preprocess: Preprocessor, event: Event) -> str:
    """Return the reason for a dropped event: the user-agent class for a filter, else the preprocessor's name."""
    if preprocess in (filter_robots, filter_machines):
        return _agent_class(event)
    return f"preprocessor:{getattr(preprocess, '__name__', type(preprocess).__name__)}"


def _now() -> datetime:
    return utc(datetime.now(timezone.utc))
