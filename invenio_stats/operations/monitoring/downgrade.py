"""Checks before a downgrade to 7.x: nothing may wait that only this release can read."""

from flask_babel import gettext as _

from invenio_stats.broker import queue_depth
from invenio_stats.broker.outbox import outbox
from invenio_stats.operations.monitoring.doctor import Check, Finding, ask_spool, listed, nonzero
from invenio_stats.proxies import current_stats

# A worker of 7.x takes all visitors of our messages for one, and loses a batch if a new index rejects its fields.


def _queues() -> Finding:
    """Messages of this release need a worker of this release."""
    waiting = nonzero({name: queue_depth.depth(event.queue) for name, event in current_stats.events.items()})
    if waiting:
        return Finding(
            "queues",
            "error",
            _("Messages that 7.x would lose wait: %(names)s.", names=listed(waiting)),
            _("Stop the web processes, run `invenio stats events process --eager` with this release, and check again."),
        )
    return Finding("queues", "ok", _("No messages wait on the queues."))


def _spool() -> Finding:
    """7.x has no spool and would leave its events there."""
    spool = outbox().spool
    count = ask_spool(spool, spool.count)
    if isinstance(count, Finding):
        return count
    if count:
        return Finding(
            "spool",
            "error",
            _("%(count)s events wait in the spool of this machine, which 7.x does not read.", count=count),
            _("Run `invenio stats spool send` on every machine, process the queues, and check again."),
        )
    return Finding("spool", "ok", _("The spool of this machine is empty; check the others, too."))


def _dead_letters() -> Finding:
    """7.x does not read the queues of dead letters."""
    dead = nonzero({name: queue_depth.dead(event.queue) for name, event in current_stats.events.items()})
    if dead:
        return Finding(
            "dead_letters",
            "warning",
            _("7.x does not read dead letters: %(names)s.", names=listed(dead)),
            _("Replay or purge them: `invenio stats dead-letters`. 7.x leaves them where they are."),
        )
    return Finding("dead_letters", "ok", _("There are no dead letters."))


CHECKS_BEFORE_DOWNGRADE: tuple[Check, ...] = (_queues, _spool, _dead_letters)
