"""Preprocess the events of a queue, and store them in daily indices."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from functools import cache, wraps
from itertools import chain
from typing import TYPE_CHECKING, Any

from flask import current_app
from invenio_queues.queue import Queue
from invenio_search import current_search_client
from invenio_search.utils import prefix_index

from invenio_stats.broker.consume import Inbox
from invenio_stats.core import names
from invenio_stats.core.agent_classes import AgentClass, is_machine, is_robot
from invenio_stats.core.double_clicks import DEFAULT_WINDOW, Click, cell_start, check_window, document_id_of
from invenio_stats.core.events import Event, Preprocessor, file_unique_id, hash_id, record_unique_id
from invenio_stats.core.mappings import Field
from invenio_stats.core.moments import iso_zoned, parse, utc
from invenio_stats.privacy.pseudonymization import anonymize_user, use_salt_getter
from invenio_stats.privacy.salts import get_anonymization_salt
from invenio_stats.privacy.user_agents.cache import describe
from invenio_stats.processing.batch import Batch, nothing_is_too_old
from invenio_stats.processing.batch_runner import NO_OPTIONS, Outcome, run_batches, store_batches
from invenio_stats.processing.clicks import ClickRules, build_clicks
from invenio_stats.search.bulk import Action, sends_directly
from invenio_stats.support.import_strings import load

if TYPE_CHECKING:  # web processes import this module, and must not load the modules that only workers need
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


def flag_robots(doc: Event, exclude: bool = False) -> Event | None:
    """Set `is_robot`, True for a robot, an AI agent or a tool on COUNTER's list; with `exclude`, drop such events."""
    doc["is_robot"] = _is_robot(doc)
    return None if exclude and doc["is_robot"] else doc


def flag_machines(doc: Event, exclude: bool = False) -> Event | None:
    """Set `is_machine`, True for a script or a tool such as curl; with `exclude`, drop such events."""
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
    """Return the class of an event's user agent; 'unknown' if the event has no such field."""
    if "agent_class" in doc:
        return doc["agent_class"]
    return describe(doc["user_agent"]).agent_class if "user_agent" in doc else "unknown"


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

    options = NO_OPTIONS
    """Options of the run; set them before `run()`."""
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
        self._writes_zone = current_app.config.get("STATS_EVENTS_UTC_DATETIME_ENABLED", False)
        self.batch = Batch()
        """The batch that is being built; a run replaces it for each batch."""
        from invenio_stats.processing.event_store import EventStore  # only workers need it

        self.store = EventStore(self.client, self.index, suffix, self.double_click_window, fields, _now)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Wrap the `run` of a subclass, if it has one, so that it is called and acknowledged batch by batch."""
        super().__init_subclass__(**kwargs)
        if "run" in cls.__dict__:
            cls.run = _in_batches(cls.run)  # type: ignore[method-assign]

    def actionsiter(self) -> Iterator[Action]:
        """Yield the index action of each event of one batch; events that fail are added to `batch.failures`."""
        return map(self._as_action, self._clicks())

    def run(self) -> Outcome:
        """Store the events on the queue; return (stored, failed)."""
        if type(self).actionsiter is EventsIndexer.actionsiter and sends_directly():
            read, store = self._clicks, self.store.store_clicks
        else:  # actions of a subclass, or that a test suite intercepts, are sent to the engine unchanged
            read, store = self.actionsiter, self._store_actions

        def read_batch(batch: Batch) -> Iterator[Any]:
            self.batch = batch
            return iter(read())

        return store_batches(self.queue, read_batch, store, self.options, self._first_complete_day())

    def _clicks(self) -> Iterator[Click]:
        """Yield the click of each event of one batch."""
        batch, events = self.batch, iter(self.queue.consume())
        for first in events:  # so that an empty queue does not query the first complete day
            rules = ClickRules(
                chain=self.preprocessors,
                drop_reason=_drop_reason,
                window=self.double_click_window,
                stamp=iso_zoned(_now()),
                # not called for each event, where its failure would reject the event
                first_complete_day=batch.first_complete_day(),
                queue=self.queue.routing_key,
                alias=self.index,
                writes_zone=self._writes_zone,
            )
            yield from build_clicks(chain([first], events), rules, batch)

    def _first_complete_day(self) -> Callable[[], datetime]:
        """Return a function for the first complete day, cached for one run; for other queue objects, there is none."""
        from invenio_stats.totals.first_complete_day import first_complete_day_of_queue  # only workers need it

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
                self.store.try_to_ensure(cell_start(parse(event["timestamp"]), self.double_click_window))

    def _store_actions(self, actions: list[Action]) -> "StoreResult":
        for action in actions:
            if "_click" in action:
                self.store.ensure(action["_click"].cell)
        return self.store.store_actions(actions)

    def _as_action(self, click: Click) -> Action:
        """Return the action for the client's bulk helper, without the fields that the index rejects."""
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


def _in_batches(run: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the `run` of a subclass: it is called for each batch, and its results are added up."""

    @wraps(run)
    def run_in_batches(self: EventsIndexer, *args: Any, **kwargs: Any) -> Any:
        def process_batch(batch: Batch) -> Any:
            self.batch = batch
            self._ensure_indices()
            return run(self, *args, **kwargs)

        return run_batches(self.queue, process_batch, self.options, self._first_complete_day())

    return run_in_batches


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
