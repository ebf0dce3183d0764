"""Compile the operator's patterns, and check them when the application starts."""

import re
from collections.abc import Iterable

from invenio_stats.errors import ConfigurationError

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
    return tuple(_compile(f"{setting}[{position}]", pattern) for position, pattern in enumerate(patterns))


def _compile(setting_path: str, pattern: object) -> re.Pattern[str]:
    if not isinstance(pattern, str):
        raise ConfigurationError(f"{setting_path} is {pattern!r}. Write the regular expression as a string.")
    try:
        expression = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ConfigurationError(
            f"{setting_path}: {pattern!r} is not a regular expression ({error}). "
            "Correct it; write a name that contains special characters as re.escape() returns it."
        ) from error
    if all(expression.search(agent) for agent in _CONTRASTING_AGENTS):
        raise ConfigurationError(
            f"{setting_path}: {pattern!r} matches every user agent. Write a pattern that matches only some."
        )
    return expression
