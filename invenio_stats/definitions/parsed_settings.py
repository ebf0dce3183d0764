"""Values parsed from settings: each belongs to the settings that it was parsed from."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, overload

T = TypeVar("T")


class _State(Protocol):
    app: Any
    sources: dict[str, tuple[Any, ...]]


class ParsedSetting(Generic[T]):
    """An attribute that is parsed at its first use, and again after one of its settings was replaced.

    Test suites put other dicts into `app.config` after the application was built. Values are compared by identity: a
    dict that is changed in place is not parsed again. The value lies in the state's `__dict__`, as that of a
    `cached_property` would: whoever sets it or takes it out there is obeyed.
    """

    def __init__(self, settings: tuple[str, ...], parse: Callable[[Any], T]):
        """Parse from these settings; `parse` is given the state."""
        self._settings = settings
        self._parse = parse
        self._name = parse.__name__
        self.__doc__ = parse.__doc__

    @overload
    def __get__(self, state: None, owner: type) -> "ParsedSetting[T]": ...

    @overload
    def __get__(self, state: _State, owner: type) -> T: ...

    def __get__(self, state: _State | None, owner: type) -> "ParsedSetting[T] | T":
        """Return the value for the settings as they are now."""
        if state is None:
            return self
        values, before, now = vars(state), state.sources.get(self._name, ()), self._sources(state)
        if self._name not in values or len(before) != len(now) or any(map(_is_other, before, now)):
            self.__set__(state, self._parse(state))
        value: T = values[self._name]
        return value

    def __set__(self, state: _State, value: T) -> None:
        """Put a value in the place of the parsed one, for as long as the settings stay."""
        vars(state)[self._name] = value
        state.sources[self._name] = self._sources(state)

    def __delete__(self, state: _State) -> None:
        """Parse again at the next use."""
        vars(state).pop(self._name, None)

    def _sources(self, state: _State) -> tuple[Any, ...]:
        return tuple(state.app.config.get(setting) for setting in self._settings)


def parsed_from(*settings: str) -> Callable[[Callable[[Any], T]], ParsedSetting[T]]:
    """Return a decorator that makes a method an attribute parsed from these settings."""
    return lambda parse: ParsedSetting(settings, parse)


def _is_other(before: Any, now: Any) -> bool:
    return before is not now
