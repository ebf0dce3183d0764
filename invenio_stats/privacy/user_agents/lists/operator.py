"""Compile the operator's patterns, and check them before they are used."""

import re
from collections.abc import Iterable

from invenio_stats.errors import ConfigurationError
from invenio_stats.privacy.user_agents.lists.backtracking import explain_cost

MAX_PATTERN_CHARACTERS = 500

_CONTRASTING_AGENTS = (
    "",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
)
"""User agents with nothing in common: a pattern that matches all of them matches every user agent."""


def compile_patterns(setting: str, patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    """Return the patterns as regular expressions that ignore case; a ConfigurationError names an invalid pattern."""
    if isinstance(patterns, str | bytes) or not isinstance(patterns, Iterable):
        raise ConfigurationError(f"{setting} is {patterns!r}. Make it a list of regular expressions.")
    return tuple(compile_pattern(f"{setting}[{position}]", pattern) for position, pattern in enumerate(patterns))


def compile_pattern(location: str, pattern: object) -> re.Pattern[str]:
    """Return a pattern as a regular expression that ignores case; a ConfigurationError names location and value."""
    if not isinstance(pattern, str):
        raise ConfigurationError(f"{location} is {pattern!r}. Write the regular expression as a string.")
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise ConfigurationError(
            f"{location}: {pattern[:40]!r}... has {len(pattern)} characters. Write at most {MAX_PATTERN_CHARACTERS}; "
            "make several patterns of it."
        )
    try:
        expression = re.compile(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        raise ConfigurationError(
            f"{location}: {pattern!r} is not a regular expression ({error}). "
            "Correct it; write a name that contains special characters as re.escape() returns it."
        ) from error
    cost = explain_cost(pattern)
    if cost is not None:
        raise ConfigurationError(
            f"{location}: {pattern!r} may take seconds for one user agent: {cost}. Write short repeats such as "
            "{0,40} instead of * and +, or several patterns."
        )
    if all(expression.search(agent) for agent in _CONTRASTING_AGENTS):
        raise ConfigurationError(
            f"{location}: {pattern!r} matches every user agent. Write a pattern that matches only some."
        )
    return expression
