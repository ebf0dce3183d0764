"""Build settings, mappings and aliases of an index that replaces others."""

from collections.abc import Iterable, Mapping
from typing import Any

from invenio_stats.core.mappings import NOT_HIDDEN
from invenio_stats.errors import CompactionError
from invenio_stats.processing.month_indices import IndexInfo

Body = dict[str, Any]

_COPIED_SETTINGS = (
    "index.number_of_shards",
    "index.refresh_interval",
    "index.codec",
    "index.analysis.",
    "index.mapping.",
)
_REPLICAS = "index.auto_expand_replicas", "index.number_of_replicas"


def settings_like(newest: IndexInfo) -> Body:
    """Return settings like those of the newest source index; the new index is hidden from index patterns."""
    settings = newest["settings"]
    copied = {name: value for name, value in settings.items() if name.startswith(_COPIED_SETTINGS)}
    replicas = next((name for name in _REPLICAS if str(settings.get(name, "false")).lower() != "false"), None)
    if replicas:
        copied[replicas] = settings[replicas]
    return {**copied, "index.hidden": True}


def all_properties(sources: Iterable[IndexInfo]) -> Body:
    """Return the merged fields of all indices, with the last one's options; CompactionError for different types."""
    merged: Body = {}
    for about in sources:
        merged = _merge(merged, about["mappings"].get("properties", {}), "")
    return merged


def _merge(older: Mapping[str, Any], newer: Mapping[str, Any], path: str) -> Body:
    merged = dict(older)
    for name, field in newer.items():
        known = merged.get(name)
        if known is not None and known.get("type") != field.get("type"):
            raise CompactionError(
                f"The field {path + name!r} is {known.get('type', 'object')!r} on one day and "
                f"{field.get('type', 'object')!r} on another. These days cannot be compacted; they are unchanged."
            )
        merged[name] = dict(field)
        if known and "properties" in known:
            merged[name]["properties"] = _merge(known["properties"], field.get("properties", {}), f"{path}{name}.")
    return merged


def replace_actions(target: str, events_alias: str, sources: Mapping[str, IndexInfo]) -> list[Body]:
    """Return the actions by which the target replaces the sources, with their names and aliases as its aliases."""
    aliases: dict[str, Mapping[str, Any]] = {}
    for about in sources.values():
        aliases.update(about["aliases"])
    aliases.update({name: {} for name in sources if name != target})
    aliases[events_alias] = {"filter": NOT_HIDDEN}
    adds = [{"add": {"index": target, "alias": name, **_options(alias)}} for name, alias in aliases.items()]
    return [*({"remove_index": {"index": name}} for name in sources), *adds]


def _options(alias: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in alias.items() if name != "is_write_index"}
