"""Choose who is asked about records: the objects in the settings, else what fits the instance's records."""

from typing import Any, NamedTuple

from flask import Flask

from invenio_stats.errors import ConfigurationError
from invenio_stats.items.access import REQUIRED_METHODS, CheckedAccess
from invenio_stats.items.metadata import MetadataSource, nothing_known
from invenio_stats.support.import_strings import load, load_callable


class Shipped(NamedTuple):
    """What the package brings for one kind of records, as import strings: few instances have both kinds."""

    access: str
    metadata: str


SHIPPED = {
    "invenio-rdm-records": Shipped(
        "invenio_stats.items.rdm_access:RDMAccess", "invenio_stats.items.rdm_metadata:RDMMetadata"
    ),
    "invenio-records": Shipped(
        "invenio_stats.items.plain_access:PlainAccess", "invenio_stats.items.plain_metadata:PlainMetadata"
    ),
}
"""By the name of the extension that an application with such records has; InvenioRDM's has both."""


def choose_access(app: Flask, setting_path: str, value: Any) -> CheckedAccess:
    """Return what answers questions about records; ConfigurationError for an object that lacks a method."""
    shipped = _shipped_for(app)
    if value is None and shipped is None:
        return CheckedAccess(None)
    access = _load_object(setting_path, shipped.access if value is None and shipped else value)
    missing = [name for name in REQUIRED_METHODS if not callable(getattr(access, name, None))]
    if missing:
        raise ConfigurationError(
            f"{setting_path} is {value!r}, which lacks {', '.join(missing)}. Set it to an object with all methods of "
            "invenio_stats.items.Access, or leave it out."
        )
    return CheckedAccess(access)


def choose_metadata(app: Flask, setting_path: str, value: Any) -> MetadataSource:
    """Return what describes items; ConfigurationError for an object that cannot be called."""
    shipped = _shipped_for(app)
    if value is None:
        value = shipped.metadata if shipped else nothing_known
    return load_callable(setting_path, _load_object(setting_path, value))


def _shipped_for(app: Flask) -> Shipped | None:
    return next((shipped for extension, shipped in SHIPPED.items() if extension in app.extensions), None)


def _load_object(setting_path: str, value: Any) -> Any:
    """Return the object in a setting, or a new one of the class in it."""
    loaded = load(setting_path, value)
    return loaded() if isinstance(loaded, type) else loaded
