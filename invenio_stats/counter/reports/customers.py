"""Know whose usage a customer's report has, and how the report names the customer."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from invenio_stats.core.counter_platform import Platform
from invenio_stats.core.customers import NAMESPACES, THE_WORLD, Customers
from invenio_stats.counter.identifiers import format_isni, format_proprietary, format_ror

_ISIL = re.compile(r"(?:[A-Z]{2}|[A-Za-z0-9]{1,4})-[A-Za-z0-9/:-]{1,11}")


class Institution(NamedTuple):
    """A customer, as the header of its report describes it."""

    name: str
    identifiers: Mapping[str, list[str]]
    """By namespace: Institution_ID."""
    customers: tuple[str, ...] | None
    """Ids of the customers whose usage the report has; None for The World: all usage, attributed or not."""


def find_institution(customers: Customers, customer_id: str, platform: Platform) -> Institution | None:
    """Return the customer with all its members, theirs included; None if it is not known."""
    own_id = platform.own_id(customer_id)
    if customer_id == THE_WORLD:
        return Institution("The World", {"Proprietary": [own_id]}, None)
    customer = customers.by_id.get(customer_id)
    if customer is None:
        return None
    identifiers = {
        namespace: [text for value in customer.institution_id.get(namespace, ()) if (text := format_value(value))]
        for namespace, format_value in _FORMATS.items()
    }
    identifiers["Proprietary"] = [own_id, *(value for value in identifiers["Proprietary"] if value != own_id)]
    return Institution(
        customer.name,
        {name: identifiers[name] for name in NAMESPACES if identifiers[name]},
        _family(customers, customer_id),
    )


def _family(customers: Customers, customer_id: str) -> tuple[str, ...]:
    """Return the id and those of all members; each once, also if two of them have a member in common."""
    found = {customer_id: None}
    pending = [customer_id]
    while pending:
        for member in customers.by_id[pending.pop()].members:
            if member not in found:
                found[member] = None
                pending.append(member)
    return tuple(sorted(found))


def _format_isil(value: str) -> str | None:
    return value if _ISIL.fullmatch(value) else None


def _format_oclc(value: str) -> str | None:
    return value if re.fullmatch(r"[0-9]+", value) else None


_FORMATS: Mapping[str, Callable[[str], str | None]] = {
    "ISNI": format_isni,
    "ISIL": _format_isil,
    "OCLC": _format_oclc,
    "ROR": format_ror,
    "Proprietary": format_proprietary,
}
