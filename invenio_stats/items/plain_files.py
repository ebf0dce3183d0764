"""Ask invenio-files-rest whose files somebody may read."""

from collections.abc import Collection
from uuid import UUID

from flask import current_app

from invenio_stats.items.access import Identity
from invenio_stats.items.plain_permissions import permits

READ = "bucket-read"
"""The action of listing the files of a bucket."""


def find_readable_buckets(identity: Identity, bucket_ids: Collection[str]) -> set[str]:
    """Return those of the buckets whose files the identity may list; one statement.

    All of them if the application does not have invenio-files-rest, whose factory decides.
    """
    files_rest = current_app.extensions.get("invenio-files-rest")
    if files_rest is None or not bucket_ids:
        return set(bucket_ids)
    from invenio_files_rest.models import Bucket

    buckets = Bucket.query.filter(Bucket.id.in_([UUID(bucket_id) for bucket_id in bucket_ids]))
    return {str(bucket.id) for bucket in buckets if permits(files_rest.permission_factory(bucket, READ), identity)}
