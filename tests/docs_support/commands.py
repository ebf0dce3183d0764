"""Read the commands that a page shows after `$`, with their output."""

import re
import shlex
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent.parent


class Command(NamedTuple):
    """One command line and the output that the page shows; none when nothing is said of it."""

    line: str
    output: str


def commands(text: str) -> Iterator[Command]:
    """Yield the commands of a block; a line that ends with a backslash goes on in the next."""
    text = text.replace("\\\n", " ")
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Command(line.partition("  #")[0].strip(), output.strip())


def groups() -> dict[str, Any]:
    """Return the commands of `invenio` that run in process, by name."""
    from invenio_queues.cli import queues
    from invenio_search.cli import index

    from invenio_stats.cli import stats

    return {"index": index, "queues": queues, "stats": stats}


def check_other(line: str) -> None:
    """Check what can be checked of a command that does not run here; AssertionError for one that nobody knows."""
    words = shlex.split(line)
    known = next((name for name in OTHERS if line.startswith(name)), None)
    assert known is not None, f"nobody checks {line!r}; add it to OTHERS in {__file__}"
    OTHERS[known](words)


def _script(words: list[str]) -> None:
    text = (ROOT / words[0]).read_text()
    missing = [word for word in words[1:] if word.startswith("--") and word not in text]
    assert not missing, f"{words[0]} does not know {missing}"


_INSTALLABLE = re.compile(
    r"(?:\.|dist/invenio_stats-(?P<version>[0-9.]+)-py3-none-any\.whl)(?:\[(?P<extras>[a-z0-9,]+)\])?"
)
"""The checkout or its wheel; the name alone would install the public release from the package index."""


def _install(words: list[str]) -> None:
    wanted = _INSTALLABLE.fullmatch(words[2])
    assert wanted, f"what is {words[2]}?"
    assert wanted["version"] in (None, metadata.version("invenio-stats"))
    extras = metadata.metadata("invenio-stats").get_all("Provides-Extra")
    assert set((wanted["extras"] or "").split(",")) - {""} <= set(extras)


def _any(words: list[str]) -> None:
    """Believe it."""


OTHERS: dict[str, Callable[[list[str]], None]] = {
    "./run-demo.sh": _script,
    "./run-tests.sh": _script,
    "./scripts/build-wheel": _script,
    "pip install": _install,
    "celery --app invenio_app.celery worker": _any,
    "celery --app invenio_app.celery beat": _any,
    "rabbitmqctl list_queues": _any,
}
"""Commands that do not run in the test of a page, each with what is checked of it."""
