"""Make the records, communities and users of `test_usage.py`; runs inside `program.py`."""

from access_orders import allow_administration, identity_of, user_of
from invenio_db import db
from invenio_rdm_records.proxies import current_rdm_records_service as service
from records import create_all, create_community, create_record, create_user, refresh


def create_usage_records():
    """Return ids: a public record in a community, a restricted one, one whose files are, and a hidden community."""
    records = create_all()
    owner = identity_of("owner@example.org")
    for name in ("manager", "administrator"):
        create_user(f"{name}@example.org")
    allow_administration(user_of("administrator@example.org"))
    user_of("owner@example.org").user_profile = {"full_name": "Olivia Owner"}
    db.session.commit()
    closed = create_record(owner, "Closed files", b"closed\n", files="restricted")
    manager = identity_of("manager@example.org")
    create_community(manager, "physics")
    create_community(manager, "secret", visibility="restricted")
    refresh()
    return {**records, "closed": closed["id"], "owner": str(user_of("owner@example.org").id)}


def edit(item_id, title):
    """Give a record another title, as its owner does."""
    owner = identity_of("owner@example.org")
    draft = service.edit(owner, item_id).to_dict()
    service.update_draft(owner, item_id, {**draft, "metadata": {**draft["metadata"], "title": title}})
    service.publish(owner, item_id)
    refresh()


def rewrite(item_id, times):
    """Index a record as InvenioRDM does whenever something of it changes."""
    record = service.record_cls.pid.resolve(item_id)
    for _ in range(times):
        service.indexer.index(record)
    refresh()
