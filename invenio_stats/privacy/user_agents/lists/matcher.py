"""A long list of patterns, asked quickly whether any of them matches, ignoring case.

One alternation of hundreds of patterns costs several milliseconds on a long agent, since each is tried at each
letter. Most of them are plain words, though, which `in` finds faster; those at the start are tried only there;
and the few others are told apart by their first letter, once case is out of the way.
"""

import re
from collections.abc import Iterable

_ESCAPED = r"\\([^A-Za-z0-9])"
_SPECIAL = frozenset(r"\^$.|?*+()[]{}")
_NOT_AT_TOP = r"\\.|\[\^?\]?[^\]]*\]|\([^()]*\)"
_UPPER = r"\\.|[A-Z]+"
_REFERENCE = r"\\[1-9]|\(\?[^:=!<]|\(\?<[^=!]"
"""What cannot be joined with other patterns, or loses its meaning in small letters. (Importing compiles nothing.)"""


class Matcher:
    """A list of patterns, compiled once.

    `refused` holds the patterns that Python's own `re` cannot read; whoever has the list knows what can.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.refused: list[str] = []
        words: set[str] = set()
        starts: list[str] = []
        others: list[str] = []
        self._alone: list[re.Pattern[str]] = []
        for pattern in sorted(set(patterns) - {""}):
            word = plain_word(pattern)
            if word is not None:
                words.add(word)
            elif re.search(_REFERENCE, pattern):
                self._keep_alone(pattern)
            elif self._is_read(pattern):
                (starts if _is_at_start(pattern) else others).append(_lower_case(pattern))
        self._words = tuple(word for word in sorted(words) if not any(w in word for w in words - {word}))
        self._start, self._anywhere = _joined(starts), _joined(others)

    def matches(self, lowered: str) -> bool:
        """Say whether any pattern matches an agent, which comes in small letters."""
        for word in self._words:  # a loop: `any` over a generator costs twice as much
            if word in lowered:
                return True
        return bool(
            (self._start and self._start.match(lowered))
            or (self._anywhere and self._anywhere.search(lowered))
            or any(pattern.search(lowered) for pattern in self._alone)
        )

    def _is_read(self, pattern: str) -> bool:
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


def plain_word(pattern: str) -> str | None:
    """Return the text that a pattern stands for, in small letters; None when it stands for more than one."""
    bare = re.sub(_ESCAPED, "", pattern)
    if "\\" in bare or _SPECIAL & set(bare):
        return None
    return re.sub(_ESCAPED, r"\1", pattern).lower()


def _is_at_start(pattern: str) -> bool:
    """Say whether a pattern can only match at the start: '^a(b|c)' does, '^a|b' does not."""
    if not pattern.startswith("^"):
        return False
    before = None
    while before != pattern:
        before, pattern = pattern, re.sub(_NOT_AT_TOP, "", pattern)
    return "|" not in pattern


def _lower_case(pattern: str) -> str:
    r"""Return a pattern for texts in small letters; \S, \B and the like keep their meaning."""
    return re.sub(_UPPER, lambda found: found[0] if found[0][0] == "\\" else found[0].lower(), pattern)


def _joined(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
