"""Decide where the events of a type are pseudonymized, and whether they keep the user id."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from invenio_stats.core.definitions import Pseudonymization, Stage
from invenio_stats.core.double_clicks import DEFAULT_WINDOW
from invenio_stats.errors import ConfigurationError


def parse_pseudonymization(
    preprocessors: Sequence[Callable[..., Any]], stage: Stage | None = None, window: int | None = None
) -> Pseudonymization:
    """Return how the events of a type with these preprocessors are pseudonymized.

    The stage is the web process, unless a custom preprocessor before `anonymize_user` may need the personal data.
    """
    return Pseudonymization(
        stage=stage or _choose_stage(preprocessors),
        keeps_user_id=not any(map(_anonymizes, preprocessors)),
        window=DEFAULT_WINDOW if window is None else window,
    )


def check_stages(setting: str, stages: Any, known: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for an unknown event type, or a stage that is not 'web' or 'worker'."""
    if not isinstance(stages, Mapping):
        raise ConfigurationError(f"{setting} is {stages!r}; make it a dict such as {{'record-view': 'worker'}}.")
    for name, stage in stages.items():
        if name not in known:
            raise ConfigurationError(f"{setting} has {name!r}, which is not in STATS_EVENTS. Correct or remove it.")
        if stage not in ("web", "worker"):
            raise ConfigurationError(f"{setting}[{name!r}] is {stage!r}; set it to 'web' or 'worker'.")


def _choose_stage(preprocessors: Sequence[Callable[..., Any]]) -> Stage:
    for preprocess in preprocessors:
        if _anonymizes(preprocess):
            return "web"
        if not _is_builtin(preprocess):
            return "worker"
    return "web"


def _anonymizes(preprocess: Callable[..., Any]) -> bool:
    from invenio_stats.privacy.pseudonymization import anonymize_user  # loaded only by processes that parse definitions

    return preprocess is anonymize_user


def _is_builtin(preprocess: Callable[..., Any]) -> bool:
    while isinstance(preprocess, partial):
        preprocess = preprocess.func
    return str(getattr(preprocess, "__module__", "")).startswith("invenio_stats.")
