"""Progress: long commands show how far they are, on standard error, where somebody looks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_COLUMNS = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


class Bar:
    """One bar, which starts anew for each thing that is worked on."""

    def __init__(self, progress: Progress, what: str):
        self._progress = progress
        self._task = progress.add_task(what, total=None)
        self._what = what
        self.is_seen = not progress.disable
        """Whether somebody looks; if not, nothing needs to be found out for the bar."""

    def begin(self, name: str, total: int | None = None) -> None:
        """Start on a thing that has so many parts; None where nobody knows how many."""
        self._progress.reset(self._task, total=total, description=f"{self._what}: {name}")

    def advance(self, parts: int = 1) -> None:
        """Note that so many more parts are done."""
        self._progress.advance(self._task, parts)

    def set(self, done: int, total: int) -> None:
        """Note that so many parts are done, and how many there are."""
        self._progress.update(self._task, completed=done, total=total)


@contextmanager
def bar(what: str, quiet: bool = False) -> Iterator[Bar]:
    """Show a bar while the block runs; nothing where nobody looks, or with `quiet`."""
    console = Console(stderr=True, quiet=quiet)
    with Progress(*_COLUMNS, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        yield Bar(progress, what)


def each(names: Sequence[str], what: str, quiet: bool = False) -> Iterator[str]:
    """Yield the names, with a bar that moves on as each is done with."""
    with bar(what, quiet) as shown:
        for done, name in enumerate(names):
            shown.begin(name, len(names))
            shown.advance(done)
            yield name
