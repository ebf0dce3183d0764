"""Define the commands for the requestors of the COUNTER API: `invenio stats counter requestors ...`."""

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json, yes
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_table
from invenio_stats.core.counter_requestors import ALL_CUSTOMERS, Requestor
from invenio_stats.core.customers import THE_WORLD
from invenio_stats.counter.service.requestors import KnownNameError, add_requestor, fetch_requestors, revoke_requestors
from invenio_stats.proxies import current_stats


@click.group("requestors")
def requestors_group() -> None:
    """Requestors of the COUNTER API: programs with credentials."""


@requestors_group.command("add")
@click.option("--name", required=True, help="Name of the requestor, for lists.")
@click.option("--customers", required=True, help="Ids of its customers, separated by commas; `all` for all.")
@click.option("--key", "has_key", is_flag=True, help="Give it an api_key beside its requestor_id.")
@click.option("--countries", "has_countries", is_flag=True, help="Let it see Country_Code.")
@as_json
@with_appcontext
@explain_errors()
def requestors_add(name: str, customers: str, has_key: bool, has_countries: bool, as_json: bool) -> None:
    """Add a requestor, and print its credentials. They are not shown again: only hashes of them are stored."""
    name, customer_ids = _read_name(name), _read_customers(customers)
    now = datetime.now(timezone.utc)
    try:
        new = add_requestor(current_search_client, name, customer_ids, now, has_key, has_countries)
    except KnownNameError as error:
        raise click.UsageError(
            _("There is a requestor named %(name)s. Choose another name, or revoke that one first.", name=repr(name))
        ) from error
    keys = {"requestor_id": new.requestor_id, **({"api_key": new.api_key} if new.api_key else {})}
    if as_json:
        click.echo(json.dumps({**_facts(new.requestor), **keys}, indent=2))
        return
    for key, value in keys.items():
        click.echo(f"{key}: {value}")
    click.echo(_("Keep the credentials now: they are not shown again."), err=True)


@requestors_group.command("list")
@as_json
@with_appcontext
@explain_errors()
def requestors_list(as_json: bool) -> None:
    """Print all requestors, also those that were revoked, without their credentials."""
    found = [_facts(requestor) for requestor in fetch_requestors(current_search_client)]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo(_("There are no requestors. Add one with `invenio stats counter requestors add`."))
        return
    columns = [_("id"), _("name"), _("customers"), _("api_key"), _("countries"), _("created"), _("revoked")]
    rows = [
        [facts[column] if not isinstance(facts[column], bool) else _YES[facts[column]] for column in facts]
        for facts in found
    ]
    print_table(Table(_("Requestors"), columns, rows, optional=(_("created"), _("id"))))


@requestors_group.command("revoke")
@click.argument("requestor")
@yes
@as_json
@with_appcontext
@explain_errors()
def requestors_revoke(requestor: str, yes: bool, as_json: bool) -> None:
    """Revoke the credentials of a REQUESTOR, given by its name or id. Every process refuses them within a minute."""
    if not yes:
        click.confirm(_("Revoke the credentials of %(name)s?", name=repr(requestor)), abort=True, err=True)
    revoked = revoke_requestors(current_search_client, requestor, datetime.now(timezone.utc))
    if not revoked:
        raise click.UsageError(
            _(
                "No requestor with valid credentials is named %(name)s. `invenio stats counter requestors list` prints "
                "all of them.",
                name=repr(requestor),
            )
        )
    if as_json:
        click.echo(json.dumps([_facts(requestor) for requestor in revoked], indent=2))
        return
    for known in revoked:
        click.secho(_("%(name)s is revoked.", name=known.name), fg="green")


_YES = {True: "yes", False: "-"}


def _facts(requestor: Requestor) -> dict[str, Any]:
    return {
        "id": requestor.id,
        "name": requestor.name,
        "customers": list(requestor.customers),
        "api_key": bool(requestor.api_key_hash),
        "countries": requestor.has_countries,
        "created": requestor.created,
        "revoked": requestor.revoked,
    }


def _read_name(name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > 100:
        raise click.BadParameter(
            _("The name is %(name)s. Give at most 100 characters that can be printed.", name=repr(name[:100])),
            param_hint="--name",
        )
    return name.strip()


def _read_customers(text: str) -> Sequence[str]:
    ids = list(dict.fromkeys(customer_id.strip() for customer_id in text.split(",") if customer_id.strip()))
    known = {THE_WORLD, *current_stats.customers.by_id}
    unknown = [customer_id for customer_id in ids if customer_id not in known]
    if ids == [ALL_CUSTOMERS] or (ids and not unknown):
        return ids
    raise click.BadParameter(
        _(
            "%(unknown)s is no customer. Give ids of STATS_COUNTER_CUSTOMERS separated by commas, %(world)s for The "
            "World alone, or `all`.",
            unknown=", ".join(map(repr, unknown)) or repr(text),
            world=THE_WORLD,
        ),
        param_hint="--customers",
    )
