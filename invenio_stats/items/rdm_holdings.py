"""Select the holdings in the tables of InvenioRDM."""

from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Integer, String, and_, case, cast, column, func, select, table
from sqlalchemy_utils.types import UUIDType

from invenio_stats.items.holdings import Holdings, utc_day

_UUID = UUIDType()

RECORDS = table(
    "rdm_records_metadata",
    column("id", _UUID),
    column("created", DateTime),
    column("json", JSON),
    column("parent_id", _UUID),
    column("index", Integer),
    column("deletion_status", String),
)
PARENTS = table("rdm_parents_metadata", column("id", _UUID), column("json", JSON))
MEMBERSHIPS = table("rdm_parents_community", column("community_id", _UUID), column("record_id", _UUID))
FILES = table("rdm_records_files", column("record_id", _UUID), column("object_version_id", _UUID))
OBJECTS = table("files_object", column("version_id", _UUID), column("file_id", _UUID))
CONTENTS = table("files_files", column("id", _UUID), column("size", BigInteger))


def select_holdings(dialect: str) -> Holdings:
    """Return the holdings; `record` is the id of the parent."""
    versions = (
        select(
            RECORDS.c.id,
            RECORDS.c.json,
            RECORDS.c.parent_id,
            # The newest version that is left describes the holding; the oldest tells since when it is there.
            func.row_number().over(partition_by=RECORDS.c.parent_id, order_by=RECORDS.c.index.desc()).label("age"),
            func.min(RECORDS.c.created).over(partition_by=RECORDS.c.parent_id).label("created"),
        )
        .where(RECORDS.c.deletion_status == "P", RECORDS.c.json.is_not(None))
        .subquery("versions")
    )
    files = _files_by_record()
    json, parent = versions.c.json, PARENTS.c.json
    records = (
        select(
            parent["id"].as_string().label("record"),
            _access_status(json).label("access_status"),
            json["metadata", "resource_type", "id"].as_string().label("resource_type"),
            json["metadata", "publication_date"].as_string().label("publication_date"),
            utc_day(dialect, versions.c.created).label("day"),
            cast(parent["access", "owned_by", "user"].as_string(), String).label("owner"),
            func.coalesce(files.c.files, 0).label("files"),
            func.coalesce(files.c.bytes, 0).label("bytes"),
        )
        .select_from(versions)
        .join(PARENTS, PARENTS.c.id == versions.c.parent_id)
        .outerjoin(files, files.c.record_id == versions.c.id)
        .where(versions.c.age == 1)
    )
    memberships = select(
        parent["id"].as_string().label("record"), _uuid_text(dialect, MEMBERSHIPS.c.community_id).label("community")
    ).join_from(MEMBERSHIPS, PARENTS, PARENTS.c.id == MEMBERSHIPS.c.record_id)
    return Holdings(records.subquery("holdings"), memberships.subquery("memberships"))


def _files_by_record() -> Any:
    return (
        select(FILES.c.record_id, func.count().label("files"), func.sum(CONTENTS.c.size).label("bytes"))
        .join_from(FILES, OBJECTS, OBJECTS.c.version_id == FILES.c.object_version_id)
        .join(CONTENTS, CONTENTS.c.id == OBJECTS.c.file_id)
        .group_by(FILES.c.record_id)
        .subquery("record_files")
    )


def _access_status(json: Any) -> Any:
    """Return the status that InvenioRDM computes from a record, which it stores in the search index only."""
    is_public = json["access", "record"].as_string() == "public"
    are_files_public = json["access", "files"].as_string() == "public"
    return case(
        (json["access", "embargo", "active"].as_boolean().is_(True), "embargoed"),
        (and_(is_public, json["files", "enabled"].as_boolean().is_not(True)), "metadata-only"),
        (and_(is_public, are_files_public), "open"),
        else_="restricted",
    )


def _uuid_text(dialect: str, uuid: Any) -> Any:
    """Return a UUID in its usual form; SQLite stores its 16 bytes."""
    if dialect == "postgresql":
        return cast(uuid, String)
    digits = func.lower(func.hex(uuid))
    parts = [func.substr(digits, start, length) for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))]
    text = parts[0]
    for part in parts[1:]:
        text = text + "-" + part
    return text
