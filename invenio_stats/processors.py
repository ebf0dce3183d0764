"""Bring events from their queue through their preprocessors into daily indices."""

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


def flag_robots(doc: Event, exclude: bool = False) -> Event | None:
    """Set `is_robot`: whether the agent is a robot or an AI agent; with `exclude`, drop such events."""
    doc["is_robot"] = is_robot(_agent_class(doc))
    return None if exclude and doc["is_robot"] else doc


def flag_machines(doc: Event, exclude: bool = False) -> Event | None:
    """Set `is_machine`: whether the agent is a script or tool such as curl; with `exclude`, drop such events."""
    doc["is_machine"] = is_machine(_agent_class(doc))
    return None if exclude and doc["is_machine"] else doc


def filter_robots(doc: Event) -> Event | None:
    """Drop the events of robots and AI agents."""
    return flag_robots(doc, exclude=True)


def filter_machines(doc: Event) -> Event | None:
    """Drop the events of scripts and tools."""
    return flag_machines(doc, exclude=True)


def _agent_class(doc: Event) -> AgentClass:
    """Return the class of an event's agent; an event that never had one (no key) is nobody's robot."""
    if "agent_class" in doc:
        return doc["agent_class"]
    return describe(doc["user_agent"]).agent_class if "user_agent" in doc else "unknown"


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

    options = NO_OPTIONS
    """What whoever starts a run wants of it; set it before `run()`."""
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
        self.batch = Batch()
        """The batch that is being built; a run sets it anew for each."""
        from invenio_stats.processing.event_store import EventStore  # a worker's: no web process pays for it

        self.store = EventStore(self.client, self.index, suffix, self.double_click_window, fields, _now)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Put the handling of batches around a `run` of the subclass's own."""
        super().__init_subclass__(**kwargs)
        if "run" in cls.__dict__:
            cls.run = _in_batches(cls.run)  # type: ignore[method-assign]

    def actionsiter(self) -> Iterator[Action]:
        """Yield the index action of each event of one batch; note those that fail in `batch.failures`."""
        return map(self._as_action, self._clicks())

    def run(self) -> Outcome:
        """Store what waits on the queue; return (stored, failed)."""
        if type(self).actionsiter is EventsIndexer.actionsiter and sends_directly():
            read, store = self._clicks, self.store.store_clicks
        else:  # actions that are not ours, or that a test suite waits for, go to the engine as they are
            read, store = self.actionsiter, self._store_actions

        def read_batch(batch: Batch) -> Iterator[Any]:
            self.batch = batch
            return iter(read())

        return store_batches(self.queue, read_batch, store, self.options, self._first_day())

    def _clicks(self) -> Iterator[Click]:
        """Yield each event of one batch as it comes out of its preprocessors."""
        batch, events = self.batch, iter(self.queue.consume())
        for first in events:  # with an empty queue nobody is asked for the first complete day
            rules = ClickRules(
                chain=self.preprocessors,
                drop_reason=_drop_reason,
                window=self.double_click_window,
                stamp=iso_zoned(_now()),
                first_day=batch.first_day(),  # an engine that does not answer is not the event's fault
                queue=self.queue.routing_key,
                alias=self.index,
                writes_zone=self._writes_zone,
            )
            yield from build_clicks(chain([first], events), rules, batch)

    def _first_day(self) -> Callable[[], datetime]:
        """Return what says, for one run, which events are too old; those of a queue that is not ours never are."""
        from invenio_stats.completeness.first_complete_day import first_complete_day_of_queue  # a worker's, as above

        if not isinstance(self.queue, Inbox):
            return nothing_is_too_old
        name = self.queue.routing_key
        return cache(lambda: first_complete_day_of_queue(self.client, name, self.index, _now()))

    def _ensure_indices(self) -> None:
        """Make sure of the indices of the next batch, for a `run` that hands the actions to the engine itself.

        Where a mapping refuses fields of ours, the actions come without them.
        """
        if not isinstance(self.queue, Inbox):
            return
        for event in self.queue.peek():
            with suppress(ValueError, KeyError):  # the run will say it
                self.store.try_to_ensure(cell_start(parse(event["timestamp"]), self.double_click_window))

    def _store_actions(self, actions: list[Action]) -> "StoreResult":
        for action in actions:
            if "_click" in action:
                self.store.ensure(action["_click"].cell)
        return self.store.store_actions(actions)

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


def _in_batches(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a subclass's own `run` as one that is called for each batch, its results added up."""

    @wraps(run)
    def run_in_batches(self: EventsIndexer, *args: Any, **kwargs: Any) -> Any:
        def turn(batch: Batch) -> Any:
            self.batch = batch
            self._ensure_indices()
            return run(self, *args, **kwargs)

        return run_batches(self.queue, turn, self.options, self._first_day())

    return run_in_batches


def _salt_at(moment: datetime) -> str:
    return get_anonymization_salt(moment)  # looked up at each call: test suites replace it in this module


use_salt_getter(_salt_at)


def _drop_reason(preprocess: Preprocessor, event: Event) -> str:
    """Return why an event was dropped: its agent's class where that is the reason, else the step's name."""
    if preprocess in (filter_robots, filter_machines):
        return _agent_class(event)
    return f"preprocessor:{getattr(preprocess, '__name__', type(preprocess).__name__)}"


def _now() -> datetime:
    return utc(datetime.now(timezone.utc))
