"""Match a long list of patterns quickly against a text, ignoring case.

One alternation of hundreds of patterns takes several milliseconds on a long user agent, because each pattern is tried
at each character. Most patterns are plain words, which `in` finds faster; patterns anchored at the start are tried
only there; and for the few others, in lower case, the first letter rules out most positions.
"""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

_ESCAPED = r"\\([^A-Za-z0-9])"
_SPECIAL = frozenset(r"\^$.|?*+()[]{}")
_NOT_AT_TOP = r"\\.|\[\^?\]?[^\]]*\]|\([^()]*\)"
_UPPER = r"\\.|[A-Z]+"
_REFERENCE = r"\\[1-9]|\(\?[^:=!<]|\(\?<[^=!]"
"""Matches patterns that cannot be joined with others or converted to lower case. (`re` compiles these at first use.)"""


class Matcher:
    """A list of patterns, compiled once.

    `patterns` are those that were given, each once and sorted. `refused` has the patterns that Python's `re` cannot
    compile; the caller must match them in another way.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.refused: list[str] = []
        words: set[str] = set()
        starts: list[str] = []
        others: list[str] = []
        self._alone: list[re.Pattern[str]] = []
        self.patterns = sorted(set(patterns) - {""})
        for pattern in self.patterns:
            word = plain_word(pattern)
            if word is not None:
                words.add(word)
            elif re.search(_REFERENCE, pattern):
                self._keep_alone(pattern)
            elif self._can_compile(pattern):
                (starts if _is_at_start(pattern) else others).append(_lower_case(pattern))
        self._words = tuple(word for word in sorted(words) if not any(w in word for w in words - {word}))
        self._start, self._anywhere = _join(starts), _join(others)

    def matches(self, lowered: str) -> bool:
        """Return True if any pattern matches a user agent in lower case."""
        for word in self._words:  # a loop, because `any` with a generator takes twice as long
            if word in lowered:
                return True
        return bool(
            (self._start and self._start.match(lowered))
            or (self._anywhere and self._anywhere.search(lowered))
            or any(pattern.search(lowered) for pattern in self._alone)
        )

    def find(self, lowered: str) -> str | None:
        """Return the first pattern that matches a user agent in lower case, as the list has it; None if none does.

        It takes milliseconds: it is for people who ask why, and not for each event.
        """
        return next((pattern for pattern, matches in self._single_patterns if matches(lowered)), None)

    @cached_property
    def _single_patterns(self) -> list[tuple[str, Callable[[str], Any]]]:
        """Each pattern that was compiled, with a function that matches it."""
        known = set(self.patterns) - set(self.refused)
        return [(pattern, _single(pattern)) for pattern in sorted(known)]

    def _can_compile(self, pattern: str) -> bool:
        try:
            re.compile(_lower_case(pattern))
        except re.error:
            self.refused.append(pattern)
            return False
        return True

    def _keep_alone(self, pattern: str) -> None:
        try:
            self._alone.append(re.compile(pattern, re.IGNORECASE))
        except re.error:
            self.refused.append(pattern)


def _single(pattern: str) -> Callable[[str], Any]:
    word = plain_word(pattern)
    if word is not None:
        return lambda lowered: word in lowered
    if re.search(_REFERENCE, pattern):
        return re.compile(pattern, re.IGNORECASE).search
    return re.compile(_lower_case(pattern)).search


def plain_word(pattern: str) -> str | None:
    """Return the only text that a pattern matches, in lower case; None if it matches more than one."""
    bare = re.sub(_ESCAPED, "", pattern)
    if "\\" in bare or _SPECIAL & set(bare):
        return None
    return re.sub(_ESCAPED, r"\1", pattern).lower()


def _is_at_start(pattern: str) -> bool:
    """Return True if a pattern can only match at the start, as '^a(b|c)' but not '^a|b'."""
    if not pattern.startswith("^"):
        return False
    before = None
    while before != pattern:
        before, pattern = pattern, re.sub(_NOT_AT_TOP, "", pattern)
    return "|" not in pattern


def _lower_case(pattern: str) -> str:
    r"""Return a pattern for texts in lower case; escapes such as \S and \B are kept."""
    return re.sub(_UPPER, lambda match: match[0] if match[0][0] == "\\" else match[0].lower(), pattern)


def _join(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
