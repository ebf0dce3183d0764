"""Name the state of what an answer is made of: while it is the same, so are the numbers of the answer."""

import hashlib
import json
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from invenio_stats.completeness.answers import answer_state


def revision_state(now: datetime, *parts: Any) -> str:
    """Return a text that is another when a total has changed, a day is over, or one of the parts is another.

    It also is when an index of totals is closed or opened. A process reads the revision and these every ten seconds;
    nothing else is asked of the search engine.
    """
    state = answer_state((), None, None, now)
    closed = [totals.index for totals in state.closed]
    return digest(str(state.revision), closed, now.date().isoformat(), *parts)


def hourly_state(now: datetime) -> str:
    """Return a text that is another in each hour."""
    return f"{now:%Y-%m-%dT%H}"


def digest(*parts: Any) -> str:
    """Return a short text that is the same for the same parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


@lru_cache(maxsize=1)
def release() -> str:
    """Return the version of the package; reading it takes as long as all the rest of a 304."""
    return version("invenio-stats")
