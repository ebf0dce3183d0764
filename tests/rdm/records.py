"""Users, a community and records, made through InvenioRDM's own services; runs inside `program.py`."""

from datetime import datetime, timezone
from io import BytesIO

from flask import current_app
from flask_principal import Identity, UserNeed
from invenio_access.permissions import any_user, authenticated_user, system_identity
from invenio_accounts.proxies import current_datastore
from invenio_communities.proxies import current_communities
from invenio_db import db
from invenio_rdm_records.proxies import current_rdm_records_service as service
from invenio_rdm_records.proxies import current_record_communities_service
from invenio_requests.proxies import current_requests_service
from invenio_search import current_search_client
from invenio_vocabularies.proxies import current_service as vocabularies

try:
    from flask_security.utils import hash_password
except ImportError:  # a release of Invenio-Accounts with a fork of its own
    from invenio_accounts.utils import hash_password

FILE = "data.csv"
PASSWORD = "password-of-a-test"


def create_all():
    """Return the ids of two versions of a public record in a community, and of a restricted one."""
    create_vocabularies()
    identity, _stranger = [create_user(f"{name}@example.org") for name in ("owner", "stranger")]
    first = create_record(identity, "Public", b"a,b\n" * 25)
    put_in_community(identity, first["id"])
    second = create_version(identity, first["id"], b"a,b\n" * 50)
    restricted = create_record(identity, "Restricted", b"secret\n", access="restricted")
    refresh()
    return {
        "v1": first["id"],
        "v2": second["id"],
        "parent": first["parent"]["id"],
        "restricted": restricted["id"],
        "restricted_parent": restricted["parent"]["id"],
        "file": FILE,
        "password": PASSWORD,
    }


def refresh():
    """Make everything that was written visible to searches."""
    current_search_client.indices.refresh(index=f"{current_app.config['SEARCH_INDEX_PREFIX']}*")


def create_vocabularies():
    vocabularies.create_type(system_identity, "resourcetypes", "rsrct")
    entry = {
        "id": "dataset",
        "type": "resourcetypes",
        "icon": "table",
        "title": {"en": "Dataset"},
        "tags": ["depositable", "linkable"],
        "props": {
            "csl": "dataset",
            "datacite_general": "Dataset",
            "datacite_type": "",
            "openaire_resourceType": "21",
            "openaire_type": "dataset",
            "eurepo": "info:eu-repo/semantics/other",
            "schema.org": "https://schema.org/Dataset",
            "subtype": "",
            "type": "dataset",
            "marc21_type": "dataset",
            "marc21_subtype": "",
        },
    }
    vocabularies.create(system_identity, entry)
    refresh()


def create_user(email):
    user = current_datastore.create_user(
        email=email,
        password=hash_password(PASSWORD),
        active=True,
        confirmed_at=datetime.now(timezone.utc).replace(tzinfo=None),
    )
    current_datastore.commit()
    db.session.commit()
    identity = Identity(user.id)
    identity.provides |= {any_user, authenticated_user, UserNeed(user.id)}
    return identity


def create_record(identity, title, content, access="public", files=None):
    data = metadata_of(title, access)
    data["access"]["files"] = files or access
    draft = service.create(identity, data)
    add_file(identity, draft.id, content)
    return service.publish(identity, draft.id).to_dict()


def create_version(identity, record_id, content):
    draft = service.new_version(identity, record_id)
    data = {**draft.to_dict(), "files": {"enabled": True}}
    data["metadata"] = {**data["metadata"], "publication_date": "2026-02-02"}
    service.update_draft(identity, draft.id, data)
    add_file(identity, draft.id, content)
    return service.publish(identity, draft.id).to_dict()


def metadata_of(title, access):
    return {
        "access": {"record": access, "files": access},
        "files": {"enabled": True},
        "metadata": {
            "title": title,
            "publisher": "Test",
            "publication_date": "2026-01-01",
            "resource_type": {"id": "dataset"},
            "creators": [{"person_or_org": {"type": "personal", "family_name": "Doe", "given_name": "A"}}],
        },
    }


def add_file(identity, draft_id, content):
    service.draft_files.init_files(identity, draft_id, [{"key": FILE}])
    service.draft_files.set_file_content(identity, draft_id, FILE, BytesIO(content))
    service.draft_files.commit_file(identity, draft_id, FILE)


def create_community(identity, slug, visibility="public"):
    data = {"slug": slug, "access": {"visibility": visibility}, "metadata": {"title": slug.capitalize()}}
    community = current_communities.service.create(identity, data)
    refresh()
    return community


def put_in_community(identity, record_id):
    community = create_community(identity, "tests")
    processed, errors = current_record_communities_service.add(
        identity, record_id, {"communities": [{"id": community.id, "require_review": False}]}
    )
    assert not errors, errors
    current_requests_service.execute_action(
        system_identity, processed[0]["request_id"], "accept", data=None, send_notification=False
    )
