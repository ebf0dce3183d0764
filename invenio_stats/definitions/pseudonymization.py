"""Sealing: where the events of a type are sealed, and what of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from invenio_stats.core.definitions import Place, Sealing
from invenio_stats.core.double_clicks import DEFAULT_WINDOW
from invenio_stats.errors import ConfigurationError


def sealing(
    preprocessors: Sequence[Callable[..., Any]], place: Place | None = None, window: int | None = None
) -> Sealing:
    """Return how events with this chain are sealed: in the web process, unless a foreign step may need the person."""
    return Sealing(
        place=place or _place(preprocessors),
        keeps_user_id=not any(map(_anonymizes, preprocessors)),
        window=DEFAULT_WINDOW if window is None else window,
    )


def check_places(setting: str, places: Any, known: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a type that is not there, or a place that is none."""
    if not isinstance(places, Mapping):
        raise ConfigurationError(f"{setting} is {places!r}; make it a dict such as {{'record-view': 'worker'}}.")
    for name, place in places.items():
        if name not in known:
            raise ConfigurationError(f"{setting} has {name!r}, which is not in STATS_EVENTS. Correct or remove it.")
        if place not in ("web", "worker"):
            raise ConfigurationError(f"{setting}[{name!r}] is {place!r}; set it to 'web' or 'worker'.")


def _place(preprocessors: Sequence[Callable[..., Any]]) -> Place:
    for preprocess in preprocessors:
        if _anonymizes(preprocess):
            return "web"
        if not _is_ours(preprocess):
            return "worker"
    return "web"


def _anonymizes(preprocess: Callable[..., Any]) -> bool:
    from invenio_stats.processors import anonymize_user  # importing the package does not pay for what workers need

    return preprocess is anonymize_user


def _is_ours(preprocess: Callable[..., Any]) -> bool:
    while isinstance(preprocess, partial):
        preprocess = preprocess.func
    return str(getattr(preprocess, "__module__", "")).startswith("invenio_stats.")
