"""Find the indices that the search engine deletes by itself: by a policy of OpenSearch's ISM or Elasticsearch's ILM."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from invenio_search.engine import OS, SEARCH_DISTRIBUTION, search

from invenio_stats.search.aliases import split_for_urls
from invenio_stats.search.failures import status_of

_UNAVAILABLE = (400, 401, 403, 404, 405)
"""Statuses of an engine without the plugin, of one that hides it from this user, and of a policy that is gone."""

_ISM_POLICY = ("policy_id", "index.plugins.index_state_management.policy_id")
"""Where an answer names the policy: the second one is there before the policy has begun."""


class Policy(NamedTuple):
    """The policy that manages an index."""

    name: str
    deletes: bool
    """Whether it deletes the index some day; True if the engine does not say what the policy does."""


def find_policies(client: Any, indices: Sequence[str]) -> dict[str, Policy]:
    """Return the policy of each index that has one; none if the engine knows no policies."""
    read_names, read_policy = (_ism_names, _ism_deletes) if SEARCH_DISTRIBUTION == OS else (_ilm_names, _ilm_deletes)
    names = {index: name for part in split_for_urls(indices) for index, name in read_names(client, part)}
    deletes = {name: read_policy(client, name) for name in sorted(set(names.values()))}
    return {index: Policy(name, deletes[name]) for index, name in names.items()}


def _ism_names(client: Any, indices: Sequence[str]) -> Iterable[tuple[str, str]]:
    answer = _get(client, f"/_plugins/_ism/explain/{','.join(indices)}") or {}
    for index in indices:
        about = answer.get(index)
        if isinstance(about, Mapping):
            name = next((about[field] for field in _ISM_POLICY if about.get(field)), None)
            if name and about.get("enabled", True) is not False:
                yield index, str(name)


def _ism_deletes(client: Any, name: str) -> bool:
    answer = _get(client, f"/_plugins/_ism/policies/{name}")
    if answer is None:
        return True
    states = answer.get("policy", {}).get("states", ())
    return any("delete" in action for state in states for action in state.get("actions", ()))


def _ilm_names(client: Any, indices: Sequence[str]) -> Iterable[tuple[str, str]]:
    answer = _get(client, f"/{','.join(indices)}/_ilm/explain") or {}
    for index, about in answer.get("indices", {}).items():
        if about.get("managed") and about.get("policy"):
            yield index, str(about["policy"])


def _ilm_deletes(client: Any, name: str) -> bool:
    answer = _get(client, f"/_ilm/policy/{name}")
    return True if answer is None else "delete" in answer.get(name, {}).get("policy", {}).get("phases", {})


def _get(client: Any, path: str) -> Mapping[str, Any] | None:
    """Return the engine's answer; None if it has no such address, or does not show it to this user."""
    try:
        answer: Any = client.transport.perform_request("GET", path)
    except search.exceptions.TransportError as error:
        if status_of(error) in _UNAVAILABLE:
            return None
        raise
    return answer if isinstance(answer, Mapping) else None
