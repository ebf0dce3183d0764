"""Parse the STATS_COUNTER_* settings: the table of access types, and the customers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from invenio_stats.core.access_types import ACCESS_TYPES, DEFAULT_ACCESS_TYPES
from invenio_stats.core.customers import NAMESPACES, THE_WORLD, Customer, Customers, Network, parse_range
from invenio_stats.errors import ConfigurationError

_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""Control characters, line breaks, halves of characters, and what no XML may have."""


def parse_access_types(setting: str, value: Any) -> Mapping[str, str]:
    """Return the access type by access status; a status that the setting leaves out has its default."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{setting} is {value!r}. Make it a dict such as {{'closed': 'Controlled'}}.")
    for status, access_type in value.items():
        if not isinstance(status, str):
            raise ConfigurationError(f"{setting} has the key {status!r}. Write an access status as a text: 'open'.")
        if access_type not in ACCESS_TYPES:
            known = ", ".join(ACCESS_TYPES)
            raise ConfigurationError(f"{setting}[{status!r}] is {access_type!r}. Set it to one of: {known}.")
    return {**DEFAULT_ACCESS_TYPES, **value}


def parse_customers(setting: str, value: Any) -> Customers:
    """Return the customers."""
    parsed: dict[str, Customer] = {}
    for number, entry in enumerate(_sequence(setting, value, "dicts with customer_id and name")):
        customer = _parse_customer(f"{setting}[{number}]", entry)
        if customer.customer_id in parsed:
            raise ConfigurationError(
                f"{setting}[{number}]['customer_id'] is {customer.customer_id!r}, which an entry before it has. Give "
                "each customer an id of its own."
            )
        parsed[customer.customer_id] = customer
    _check_ranges(setting, parsed)
    _check_members(setting, parsed)
    return Customers(parsed.values())


def _parse_customer(setting_path: str, entry: Any) -> Customer:
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{setting_path} is {entry!r}. Make it a dict with customer_id and name.")
    unknown = sorted(map(str, set(entry) - set(Customer._fields)))
    if unknown:
        known = ", ".join(Customer._fields)
        raise ConfigurationError(f"{setting_path} has unknown keys {unknown}. Known ones: {known}.")
    customer_id = check_text(f"{setting_path}['customer_id']", entry.get("customer_id"))
    if customer_id == THE_WORLD:
        raise ConfigurationError(
            f"{setting_path}['customer_id'] is {THE_WORLD!r}, which stands for all usage. Choose another id."
        )
    ranges = _sequence(f"{setting_path}['ranges']", entry.get("ranges") or (), "address ranges")
    members = _sequence(f"{setting_path}['members']", entry.get("members") or (), "customer ids")
    return Customer(
        customer_id,
        check_text(f"{setting_path}['name']", entry.get("name")),
        dict(_identifiers(f"{setting_path}['institution_id']", entry.get("institution_id") or {})),
        tuple(_parse_range(f"{setting_path}['ranges'][{number}]", text) for number, text in enumerate(ranges)),
        tuple(check_text(f"{setting_path}['members'][{number}]", member) for number, member in enumerate(members)),
    )


def _identifiers(setting_path: str, value: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{setting_path} is {value!r}. Make it a dict such as {{'ROR': ['00hx57361']}}.")
    for namespace, values in value.items():
        path = f"{setting_path}[{namespace!r}]"
        if namespace not in NAMESPACES:
            raise ConfigurationError(f"{path} is no namespace of COUNTER. Use one of: {', '.join(NAMESPACES)}.")
        yield namespace, tuple(check_text(path, text) for text in _sequence(path, values, "identifiers"))


def _parse_range(setting_path: str, text: Any) -> Network:
    try:
        return parse_range(check_text(setting_path, text))
    except ConfigurationError:
        raise
    except ValueError as error:
        raise ConfigurationError(
            f"{setting_path} is {text!r}, which is no address range. Write it as '192.0.2.0/24' or '2001:db8::/32', "
            "with no bit set behind the prefix."
        ) from error


def _check_ranges(setting: str, customers: Mapping[str, Customer]) -> None:
    owners: dict[Network, str] = {}
    for customer in customers.values():
        for network in customer.ranges:
            owner = owners.setdefault(network, customer.customer_id)
            if owner != customer.customer_id:
                raise ConfigurationError(
                    f"{setting}: {owner!r} and {customer.customer_id!r} have the same range {network}. Leave it to one "
                    "of them, or give the other a longer prefix."
                )


def _check_members(setting: str, customers: Mapping[str, Customer]) -> None:
    for customer in customers.values():
        for member in customer.members:
            if member not in customers or member == customer.customer_id:
                raise ConfigurationError(
                    f"{setting}: {customer.customer_id!r} has the member {member!r}, which is not the id of another "
                    "customer. Correct it, or add that customer."
                )


def _sequence(setting_path: str, value: Any, what: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ConfigurationError(f"{setting_path} is {value!r}. Make it a list of {what}.")
    return value


def check_text(setting_path: str, value: Any) -> str:
    """Return a text on one line; ConfigurationError for anything else, and for blanks around it."""
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise ConfigurationError(f"{setting_path} is {value!r}. Set it to a text without blanks around it.")
    if _NO_TEXT.search(value):
        raise ConfigurationError(
            f"{setting_path} is {value!r}. Take out line breaks, tabs and other characters that no report can show."
        )
    return value
