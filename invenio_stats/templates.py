"""Return the packages from which invenio-search registers index templates."""

from flask import current_app

from invenio_stats.proxies import current_stats

_OWN_PACKAGES = "invenio_stats."


def register_templates() -> list[str]:
    """Return the packages with legacy templates; none if STATS_REGISTER_INDEX_TEMPLATES asks for composable ones."""
    return [] if _is_composable() else _packages()


def register_index_templates() -> list[str]:
    """Return the packages with composable templates; none unless STATS_REGISTER_INDEX_TEMPLATES asks for them.

    A legacy and a composable body cannot share a file, so ours are in a subpackage `composable`. A package of another
    program is returned unchanged.
    """
    if not _is_composable():
        return []
    return [f"{package}.composable" if package.startswith(_OWN_PACKAGES) else package for package in _packages()]


def _is_composable() -> bool:
    return bool(current_app.config["STATS_REGISTER_INDEX_TEMPLATES"])


def _packages() -> list[str]:
    definitions = [*current_stats.event_definitions.values(), *current_stats.aggregations.values()]
    return list(dict.fromkeys(definition.templates for definition in definitions if definition.templates))
