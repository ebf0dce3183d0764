"""Bodies: settings, mappings and aliases of an index that takes over from others."""

from collections.abc import Iterable, Mapping
from typing import Any

from invenio_stats.core.mappings import NOT_SUPERSEDED
from invenio_stats.errors import CompactionError
from invenio_stats.processing.month_indices import About

Body = dict[str, Any]

_KEPT = ("index.number_of_shards", "index.refresh_interval", "index.codec", "index.analysis.", "index.mapping.")
_REPLICAS = "index.auto_expand_replicas", "index.number_of_replicas"


def settings_like(newest: About) -> Body:
    """Return settings for an index like the newest of the others, hidden from patterns."""
    found = newest["settings"]
    kept = {name: value for name, value in found.items() if name.startswith(_KEPT)}
    replicas = next((name for name in _REPLICAS if str(found.get(name, "false")).lower() != "false"), None)
    if replicas:
        kept[replicas] = found[replicas]
    return {**kept, "index.hidden": True}


def all_properties(sources: Iterable[About]) -> Body:
    """Return the mapped fields of all indices together; where they differ in more than the type, the last one says."""
    merged: Body = {}
    for about in sources:
        merged = _merge(merged, about["mappings"].get("properties", {}), "")
    return merged


def _merge(older: Mapping[str, Any], newer: Mapping[str, Any], place: str) -> Body:
    merged = dict(older)
    for name, field in newer.items():
        known = merged.get(name)
        if known is not None and known.get("type") != field.get("type"):
            raise CompactionError(
                f"The field {place + name!r} is {known.get('type', 'object')!r} on one day and "
                f"{field.get('type', 'object')!r} on another. These days cannot be one index; they stay as they are."
            )
        merged[name] = dict(field)
        if known and "properties" in known:
            merged[name]["properties"] = _merge(known["properties"], field.get("properties", {}), f"{place}{name}.")
    return merged


def taking_over(target: str, alias: str, sources: Mapping[str, About]) -> list[Body]:
    """Return the actions that put an index in the place of others, under all of their names."""
    aliases: dict[str, Mapping[str, Any]] = {}
    for about in sources.values():
        aliases.update(about["aliases"])
    aliases.update({name: {} for name in sources if name != target})
    aliases[alias] = {"filter": NOT_SUPERSEDED}
    adds = [{"add": {"index": target, "alias": name, **_kept(how)}} for name, how in aliases.items()]
    return [*({"remove_index": {"index": name}} for name in sources), *adds]


def _kept(how: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in how.items() if name != "is_write_index"}
