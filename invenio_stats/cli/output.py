"""Write what a command makes to a file, or to standard output."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
from flask_babel import gettext as _

from invenio_stats.support.whole_files import whole_file

STANDARD = "-"
"""Stands for standard output."""


def check_output(output: str) -> None:
    """Raise UsageError if there can be no file of this name."""
    if output != STANDARD and (Path(output).is_dir() or not Path(output).absolute().parent.is_dir()):
        raise click.UsageError(_("--output %(path)s is not a file in a directory that exists.", path=output))


@contextmanager
def open_output(output: str) -> Iterator[IO[bytes]]:
    """Open the output for writing; a file is there when it is whole. A device or a pipe is written as it is."""
    path = Path(output)
    if output == STANDARD:
        with click.open_file(output, "wb") as stream:
            yield stream
        return
    try:
        with path.open("wb") if path.exists() and not path.is_file() else whole_file(path) as file:
            yield file
    except OSError as error:
        raise click.ClickException(
            _("%(path)s cannot be written: %(error)s.", path=output, error=error.strerror or type(error).__name__)
        ) from error
