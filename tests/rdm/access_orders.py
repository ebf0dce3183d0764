"""Ask the package's `STATS_ACCESS` and `STATS_ITEM_METADATA` about real records; runs inside `program.py`."""

from contextlib import contextmanager

from flask_principal import Identity, UserNeed
from invenio_access.permissions import any_user, authenticated_user
from invenio_accounts.models import User
from invenio_administration.permissions import administration_access_action
from invenio_communities.members.records.models import MemberModel
from invenio_communities.proxies import current_communities
from invenio_communities.utils import load_community_needs
from invenio_db import db
from invenio_rdm_records.proxies import current_rdm_records_service as service
from invenio_search import current_search_client
from records import create_record, create_user, create_version, refresh

from invenio_stats import current_stats
from invenio_stats.items import ANONYMOUS, SYSTEM
from invenio_stats.items.shown import describe_readable


def create_access_records():
    """Return ids: of a record whose newest version is restricted, of a hidden community, and of users."""
    owner = identity_of("owner@example.org")
    for name in ("curator", "manager", "administrator"):
        create_user(f"{name}@example.org")
    first = create_record(owner, "Half open", b"a\n")
    second = create_version(owner, first["id"], b"ab\n")
    hide(owner, second["id"])
    hidden = current_communities.service.create(
        owner, {"slug": "hidden", "access": {"visibility": "restricted"}, "metadata": {"title": "Hidden"}}
    )
    for email, role in (("curator@example.org", "curator"), ("manager@example.org", "manager")):
        db.session.add(
            MemberModel(
                community_id=hidden.id, user_id=user_of(email).id, role=role, visible=True, active=True, json={}
            )
        )
    user_of("owner@example.org").user_profile = {"full_name": "Olivia Owner"}
    allow_administration(user_of("administrator@example.org"))
    db.session.commit()
    refresh()
    return {
        "open_version": first["id"],
        "hidden_version": second["id"],
        "half_open": first["parent"]["id"],
        "hidden_community": str(hidden.id),
        "users": {email.partition("@")[0]: user_of(email).id for email in EMAILS},
    }


EMAILS = [f"{name}@example.org" for name in ("owner", "stranger", "curator", "manager", "administrator")]


def ask_access(who, method, *arguments):
    """Return an answer of `current_stats.access` to somebody (a name, "visitor", "system" or None for no identity)."""
    identity = [] if who is None else [identity_called(who)]
    answer = getattr(current_stats.access, method)(*identity, *arguments)
    return sorted(answer) if isinstance(answer, set) else answer


def titles(who, ids):
    """Return the titles that somebody may see, by id."""
    shown = describe_readable(current_stats.access, current_stats.item_metadata, identity_called(who), ids)
    return {asked: item.metadata.title for asked, item in shown.items()}


def describe(item_id):
    """Return all metadata of an item."""
    return current_stats.item_metadata([item_id])[item_id]._asdict()


def holdings(cls, by, community=None):
    """Return the answer of a query about holdings to an administrator."""
    from invenio_stats.queries import holdings as queries

    scope, params = ("community", {"community": community}) if community else ("repository", {})
    return getattr(queries, cls)("holdings", scope).run(**params, **({"by": by} if by else {}))


def requests_of(who, ids):
    """Return how many requests titles of records need, to the search engine and to the database."""
    with counted() as counts:
        titles(who, ids)
    return counts


def hide(identity, item_id):
    """Make one version restricted; the others stay as they are."""
    draft = service.edit(identity, item_id)
    data = {**draft.to_dict(), "access": {"record": "restricted", "files": "restricted"}}
    service.update_draft(identity, draft.id, data)
    service.publish(identity, draft.id)


def allow_administration(user):
    from invenio_access.models import ActionUsers

    db.session.add(ActionUsers.allow(administration_access_action, user=user))


def identity_called(who):
    fixed = {"visitor": ANONYMOUS, "system": SYSTEM}
    return fixed[who] if who in fixed else identity_of(f"{who}@example.org")


def identity_of(email):
    """Return the identity that a user has after the login."""
    user = user_of(email)
    identity = Identity(user.id)
    identity.provides |= {any_user, authenticated_user, UserNeed(user.id)}
    with current_stats.app.test_request_context():
        load_community_needs(identity)
    return identity


def user_of(email):
    return User.query.filter_by(email=email).one()


@contextmanager
def counted():
    """Count requests to the search engine, and statements to the database."""
    from sqlalchemy import event

    counts = {"engine": 0, "database": 0}
    transport = current_search_client.transport
    perform = transport.perform_request

    def perform_and_count(*args, **kwargs):
        counts["engine"] += 1
        return perform(*args, **kwargs)

    def count_statement(*args):
        counts["database"] += 1

    transport.perform_request = perform_and_count
    event.listen(db.engine, "before_cursor_execute", count_statement)
    try:
        yield counts
    finally:
        transport.perform_request = perform
        event.remove(db.engine, "before_cursor_execute", count_statement)
