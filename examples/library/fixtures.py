"""Fill an empty library, equally for equal seeds: `python -m library.fixtures --seed 1`.

Writes `catalogue.json` into the instance's folder: what there is to see, for whoever visits.
"""

import argparse
import json
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import current_app
from flask_security.utils import hash_password
from instance import create_app
from invenio_accounts.proxies import current_datastore
from invenio_db import db
from invenio_files_rest.models import Bucket, FileInstance, Location, ObjectVersion
from invenio_pidstore.models import PersistentIdentifier, PIDStatus
from invenio_records.api import Record

from library.history import make_history
from library.items import BUCKET
from library.last_month import make_last_month
from library.past import publish_past
from library.roles import create_people
from library.titles import TITLES, TOPICS

RECORDS = len(TITLES)
USERS = 12
PASSWORD = "reading room"
COMMUNITIES = ("physics", "biology", "history")
VERSION_OF = {11: 1, 22: 2, 33: 2}
"""Records that are newer versions of another one."""
OWNERS = 5
"""Users who have uploaded records: the first ones."""
PUBLISHED_EVERY_DAYS = 27
"""The last record is so old, the one before twice as old, and so on."""
KINDS = ("Dataset", "Article", "Image", "Report", "Software")
"""COUNTER's Data_Type of the records, one after the other."""
FORMATS = ("pdf", "csv", "zip", "tif", "txt")


def main() -> None:
    """Fill the library that INVENIO_INSTANCE_PATH names."""
    parser = argparse.ArgumentParser(description="Fill the example library.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--history", action="store_true", help="with a year of use, not only some of the month before")
    arguments = parser.parse_args()
    choice = random.Random(arguments.seed)
    today = datetime.now(timezone.utc).date()
    app = create_app()
    with app.app_context():
        folder = Path(current_app.instance_path)
        (folder / "files").mkdir(exist_ok=True)
        db.session.add(Location(name="files", uri=str(folder / "files"), default=True))
        catalogue = {
            "users": list(_users()),
            "password": PASSWORD,
            "terms": list(TOPICS),
            "records": [_record(number, today, choice) for number in range(1, RECORDS + 1)],
            "people": list(create_people(PASSWORD)),
        }
        db.session.commit()
        _lose_a_file(catalogue["records"])
        catalogue["past"] = list(make_last_month(catalogue["records"], today))
        if arguments.history:
            catalogue["past"] += make_history(catalogue["records"], today, choice)
        publish_past(catalogue["past"], catalogue["records"])
        (folder / "catalogue.json").write_text(json.dumps(catalogue, indent=1))


def _users() -> Iterator[dict[str, str]]:
    secret = hash_password(PASSWORD)
    for number in range(1, USERS + 1):
        email = f"reader{number}@example.org"
        profile = {"full_name": f"Reader {number}"}
        current_datastore.create_user(email=email, password=secret, active=True, user_profile=profile)
        yield {"email": email}


def _record(number: int, today: date, choice: random.Random) -> dict[str, Any]:
    bucket = Bucket.create()
    topic = TOPICS[(number - 1) % len(TOPICS)]
    metadata = {
        "id": str(number),
        "title": TITLES[number - 1],
        "authors": [f"Writer {number % 7 + 1}", f"Writer {number % 3 + 8}"],
        "publisher": "Example Library",
        "doi": f"10.5072/library.{number}",
        "data_type": KINDS[(number - 1) % len(KINDS)],
        "parent": str(VERSION_OF.get(number, number)),
        "owner": (number - 1) % OWNERS + 1,
        "publication_date": (today - timedelta(days=PUBLISHED_EVERY_DAYS * (RECORDS + 1 - number))).isoformat(),
        "communities": sorted(choice.sample(COMMUNITIES, choice.choice((1, 1, 2)))),
        "access_status": "embargoed" if number % 8 == 0 else "restricted" if number % 4 == 0 else "open",
        "bucket": str(bucket.id),
        "files": [_file(bucket, f"{topic}-{number}.{choice.choice(FORMATS)}", choice) for number in _numbers(choice)],
    }
    if number in VERSION_OF:
        metadata["communities"] = [COMMUNITIES[VERSION_OF[number]]]
    if number in VERSION_OF.values():
        metadata["communities"] = [COMMUNITIES[number]]
    record = Record.create(metadata)
    for pid_type, value in (("recid", metadata["id"]), (BUCKET, str(bucket.id))):
        PersistentIdentifier.create(
            pid_type, value, object_type="rec", object_uuid=record.id, status=PIDStatus.REGISTERED
        )
    return {**metadata, "uuid": str(record.id)}


def _numbers(choice: random.Random) -> range:
    return range(1, choice.randint(1, 4) + 1)


def _file(bucket: Bucket, key: str, choice: random.Random) -> dict[str, Any]:
    content = choice.randbytes(choice.randint(2_000, 40_000))
    stored = ObjectVersion.create(bucket, key, stream=BytesIO(content))
    about = {"key": key, "id": str(stored.file.id), "size": len(content), "checksum": stored.file.checksum}
    return {**about, "missing": False}


def _lose_a_file(records: list[dict[str, Any]]) -> None:
    """Take one file's content off the disk, as a broken disk would; the library still lists it."""
    record = next(record for record in records if record["access_status"] == "open" and len(record["files"]) > 1)
    file = record["files"][-1]
    file["missing"] = True
    stored = ObjectVersion.get(record["bucket"], file["key"])
    Path(FileInstance.get(stored.file_id).uri).unlink()


if __name__ == "__main__":
    main()
