"""Show the progress of long commands on standard error if that is a terminal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_COLUMNS = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


class Bar:
    """One progress bar, which is reset for each item."""

    def __init__(self, progress: Progress, what: str):
        self._progress = progress
        self._task = progress.add_task(what, total=None)
        self._what = what
        self.is_seen = not progress.disable
        """Whether the bar is shown; if not, callers need not determine totals for it."""

    def begin(self, name: str, total: int | None = None) -> None:
        """Reset the bar for the next item, which has `total` parts; None if their number is not known."""
        self._progress.reset(self._task, total=total, description=f"{self._what}: {name}")

    def advance(self, parts: int = 1) -> None:
        """Show that so many more parts are done."""
        self._progress.advance(self._task, parts)

    def set(self, done: int, total: int) -> None:
        """Show that `done` of `total` parts are done."""
        self._progress.update(self._task, completed=done, total=total)


@contextmanager
def bar(what: str, quiet: bool = False) -> Iterator[Bar]:
    """Show a bar while the block runs; nothing if standard error is not a terminal, or with `quiet`."""
    console = Console(stderr=True, quiet=quiet)
    with Progress(*_COLUMNS, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        yield Bar(progress, what)


def each(names: Sequence[str], what: str, quiet: bool = False) -> Iterator[str]:
    """Yield the names, and show a bar of how many are done."""
    with bar(what, quiet) as progress:
        for done, name in enumerate(names):
            progress.begin(name, len(names))
            progress.advance(done)
            yield name
