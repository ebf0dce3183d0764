"""Renew what a forked process must not share with its parent, such as a lock that another thread holds."""

import os
import weakref
from collections.abc import Callable
from typing import TypeVar

_Owner = TypeVar("_Owner")


def renew_in_child(owner: _Owner, renew: Callable[[_Owner], None]) -> None:
    """Call `renew(owner)` in each process that is forked from this one as long as the owner exists.

    Of the parent's threads only the one that forks goes on in the child: a lock that another one held is never
    released there.
    """
    reference = weakref.ref(owner)

    def renew_existing() -> None:
        existing = reference()
        if existing is not None:
            renew(existing)

    os.register_at_fork(after_in_child=renew_existing)
