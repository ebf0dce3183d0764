"""Loading what settings name: objects by import string, entries by callable."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from invenio_base.utils import obj_or_import_string
from werkzeug.utils import ImportStringError

from invenio_stats.errors import ConfigurationError


def load(setting_path: str, value: Any) -> Any:
    """Return the object that a setting holds or names by import string ('a.b.c' or 'a.b:c').

    ConfigurationError with the place when there is nothing of that name.
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
    """Return the function or class that a setting holds or names; ConfigurationError for anything else."""
    found = load(setting_path, value)
    if not callable(found):
        raise ConfigurationError(f"{setting_path} is {found!r}; set it to a function or its import string.")
    return found


def entries(setting: str, value: Any) -> Mapping[str, Any]:
    """Return what a STATS_* dict holds, by name."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{setting} is {value!r}; make it a dict with an entry for each name.")
    return value


def load_entry(app: Flask, setting_path: str, entry: Any) -> Mapping[str, Any]:
    """Return an entry of a STATS_* dict, which may also be an import string or a callable `(app) -> dict`."""
    values = load(setting_path, entry)
    if callable(values):
        values = values(app)
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{setting_path} is {values!r}; make it a dict, or a callable that returns one.")
    return values
