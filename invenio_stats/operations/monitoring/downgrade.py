"""Before a downgrade to 7.x: what only this release can read has to be gone from queues and disk."""

from flask_babel import gettext as _

from invenio_stats.broker import queue_depth
from invenio_stats.broker.outbox import outbox
from invenio_stats.operations.monitoring.doctor import Check, Finding, listed
from invenio_stats.proxies import current_stats

# A worker of 7.x takes all visitors of our messages for one, and loses a batch whose fields a new index refuses.


def _queues() -> Finding:
    """Messages of this release wait for a worker of this release."""
    waiting = {name: queue_depth.depth(event.queue) for name, event in current_stats.events.items()}
    waiting = {name: count for name, count in waiting.items() if count}
    if waiting:
        return Finding(
            "queues",
            "error",
            _("Messages that 7.x would lose wait: %(names)s.", names=listed(waiting)),
            _("Stop the web processes, then run `invenio stats events process` with this release, and ask again."),
        )
    return Finding("queues", "ok", _("No message waits on the queues."))


def _spool() -> Finding:
    """7.x has no spool: what is in it would stay there."""
    count = outbox().spool.count()
    if count:
        return Finding(
            "spool",
            "error",
            _("%(count)s events wait on this machine's disk, which 7.x does not read.", count=count),
            _("Run `invenio stats spool send` on each machine, then process the queues, and ask again."),
        )
    return Finding("spool", "ok", _("Nothing waits in this machine's spool; ask on each machine."))


def _dead_letters() -> Finding:
    """7.x does not know of dead letters either; they stay on their queues."""
    dead = {name: queue_depth.dead(event.queue) for name, event in current_stats.events.items()}
    dead = {name: count for name, count in dead.items() if count}
    if dead:
        return Finding(
            "dead letters",
            "warning",
            _("7.x does not read dead letters: %(names)s.", names=listed(dead)),
            _("Replay those that can be mended, with `invenio stats dead-letters replay`; the others stay."),
        )
    return Finding("dead letters", "ok", _("There are no dead letters."))


CHECKS_BEFORE_DOWNGRADE: tuple[Check, ...] = (_queues, _spool, _dead_letters)
