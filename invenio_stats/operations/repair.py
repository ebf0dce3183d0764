"""Copy indices of totals with text fields, which were made before their index templates, into repaired ones."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from invenio_search.engine import search
from invenio_search.proxies import current_search

from invenio_stats.errors import RepairError
from invenio_stats.operations.monitoring.mapping_checks import fields_of_queries, text_fields
from invenio_stats.search.index_templates import template_mappings
from invenio_stats.search.indices import create_index

_SUFFIX = "-repaired"
_REQUEST_SECONDS = 3600
"""Time-out of copying an index."""


class Broken(NamedTuple):
    """An index of totals with fields that queries cannot use."""

    index: str
    fields: list[str]
    documents: int


def find_broken(client: Any) -> Iterator[Broken]:
    """Yield the indices of totals that map as text what queries filter, group or measure by, each once."""
    broken: dict[str, set[str]] = {}
    for alias, fields in fields_of_queries().items():
        for field, indices in text_fields(alias, fields).items():
            for index in indices:
                broken.setdefault(index, set()).add(field)
    for index, found in sorted(broken.items()):
        yield Broken(index, sorted(found), int(client.count(index=index)["count"]))


def put_templates() -> None:
    """Put the index templates of the instance into the engine, as `invenio index init` does."""
    for put in (
        current_search.put_component_templates,
        current_search.put_templates,
        current_search.put_index_templates,
    ):
        list(put())


def repair(client: Any, broken: Broken) -> None:
    """Put an index with the right mapping in the place of one; its name becomes an alias.

    Writes are refused meanwhile, and come again. The index is taken away in the same request in which the copy gets its
    names; whatever fails before leaves it as it was. RepairError if the templates do not know its fields.
    """
    mapping = template_mappings(broken.index)
    _check_mapping(broken, mapping)
    copy = f"{broken.index}{_SUFFIX}"
    client.indices.delete(index=copy, ignore=[404])  # what an interrupted repair has left
    _block(client, broken.index, True)
    try:
        client.indices.refresh(index=broken.index)
        _make_copy(client, broken.index, copy, mapping)
        documents = client.count(index=copy)["count"]
        if documents != client.count(index=broken.index)["count"]:
            raise RepairError(f"The copy of {broken.index} has {documents} totals. Run the command again.")
    except BaseException:
        _undo(client, broken.index, copy)
        raise
    try:
        client.indices.update_aliases(body={"actions": _replace_actions(client, broken.index, copy)})
    except search.exceptions.RequestError:  # the engine has done nothing, as while it makes a snapshot of the index
        _undo(client, broken.index, copy)
        raise


def _undo(client: Any, index: str, copy: str) -> None:
    with suppress(Exception):
        client.indices.delete(index=copy, ignore=[404])
    _block(client, index, False)


def _check_mapping(broken: Broken, mapping: Mapping[str, Any] | None) -> None:
    known = (mapping or {}).get("properties", {})
    wrong = [field for field in broken.fields if known.get(field, {"type": "text"}).get("type") == "text"]
    if wrong:
        raise RepairError(
            f"No index template says how {broken.index} maps {', '.join(wrong)}. Map it as a keyword in the "
            "templates of the aggregation, and run the command again."
        )


def _make_copy(client: Any, index: str, copy: str, mapping: Any) -> None:
    """Make the copy, behind no alias until it is whole, and fill it."""
    create_index(client, copy, {"mappings": mapping})
    names = client.indices.get_alias(index=copy)[copy]["aliases"]
    if names:  # templates have added them; the index is still empty
        removals = [{"remove": {"index": copy, "alias": name}} for name in names]
        client.indices.update_aliases(body={"actions": removals})
    body = {"source": {"index": index}, "dest": {"index": copy}}
    answer = client.reindex(body=body, refresh=True, request_timeout=_REQUEST_SECONDS)
    if answer.get("failures"):
        raise RepairError(f"The engine refused {len(answer['failures'])} totals of {index}. The index is unchanged.")


def _replace_actions(client: Any, index: str, copy: str) -> list[dict[str, Any]]:
    aliases = {index: {}, **client.indices.get_alias(index=index)[index]["aliases"]}
    adds = [{"add": {"index": copy, "alias": name, **options}} for name, options in aliases.items()]
    return [{"remove_index": {"index": index}}, *adds]


def _block(client: Any, index: str, is_blocked: bool) -> None:
    client.indices.put_settings(index=index, body={"index.blocks.write": is_blocked or None})
