"""Read the code blocks that a page of documentation shows.

A block begins with `.. code-block:: LANGUAGE`. What a page needs and readers do not, its preparations, begins
with `.. invisible-code-block: LANGUAGE`, which is a comment to everybody else.
"""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_START = re.compile(r"(?P<indent> *)\.\. (?:code-block::|invisible-code-block:) *(?P<language>\S*)$")
_OPTION = re.compile(r" *:(?P<name>[a-z-]+):(?: +(?P<value>.+))?$")


class Block(NamedTuple):
    """One piece of code of a page."""

    page: Path
    line: int
    """Where its text begins, counted from 1."""
    language: str
    text: str
    options: dict[str, str]

    def __str__(self) -> str:
        """Name the place, for messages."""
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    lines = page.read_text().splitlines()
    number = 0
    while number < len(lines):
        start = _START.match(lines[number])
        number += 1
        if start:
            body = list(_indented(lines[number:], len(start["indent"])))
            options = _options(body)
            blank = next((number for number, line in enumerate(body[len(options) :]) if line.strip()), 0) + len(options)
            text = textwrap.dedent("\n".join(body[blank:])).rstrip() + "\n"
            yield Block(page, number + blank + 1, start["language"], text, options)
            number += len(body)


def _indented(lines: list[str], indent: int) -> Iterator[str]:
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            return
        yield line


def _options(body: list[str]) -> dict[str, str]:
    found = {}
    for line in body:
        option = _OPTION.match(line)
        if option is None:
            break
        found[option["name"]] = option["value"] or ""
    return found
