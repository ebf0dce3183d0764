"""Load the objects and entries that settings name by import strings and callables."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from invenio_base.utils import obj_or_import_string
from werkzeug.utils import ImportStringError

from invenio_stats.errors import ConfigurationError


def load(setting_path: str, value: Any) -> Any:
    """Return the object in a setting, which may be an import string ('a.b.c' or 'a.b:c').

    A ConfigurationError names `setting_path` if the import string cannot be imported.
    """
    if not isinstance(value, str):
        return value
    try:
        return obj_or_import_string(value)
    except (ImportStringError, ImportError) as error:
        cause = getattr(error, "exception", error)
        raise ConfigurationError(
            f"{setting_path}: {value!r} cannot be imported ({cause}). "
            "Name an object that exists, as 'package.module:name'."
        ) from error


def load_callable(setting_path: str, value: Any) -> Any:
    """Return the function or class in a setting, which may be an import string; ConfigurationError if not callable."""
    loaded = load(setting_path, value)
    if not callable(loaded):
        raise ConfigurationError(f"{setting_path} is {loaded!r}; set it to a function or its import string.")
    return loaded


def load_signal(setting_path: str, value: Any) -> Any:
    """Return the signal in a setting, which may be an import string; None if there is none.

    ConfigurationError for what cannot be connected to.
    """
    loaded = load(setting_path, value)
    if loaded is not None and not callable(getattr(loaded, "connect", None)):
        raise ConfigurationError(
            f"{setting_path} is {loaded!r}, which is no signal. Set it to a blinker signal or its import string, such "
            "as 'invenio_records_ui.signals:record_viewed'; leave it out if the emitter is called directly."
        )
    return loaded


def entries(setting: str, value: Any) -> Mapping[str, Any]:
    """Return the entries of a STATS_* dict by name; ConfigurationError if the setting is not a dict."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{setting} is {value!r}; make it a dict with an entry for each name.")
    return value


def load_entry(app: Flask, setting_path: str, entry: Any) -> Mapping[str, Any]:
    """Return an entry of a STATS_* dict, which may be an import string or a callable `(app) -> dict`."""
    values = load(setting_path, entry)
    if callable(values):
        values = values(app)
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{setting_path} is {values!r}; make it a dict, or a callable that returns one.")
    return values
