"""Store sessions in files, so that all processes of the instance know who is signed in."""

from pathlib import Path

from flask import Flask
from simplekv import KeyValueStore
from simplekv.fs import FilesystemStore


def session_store(app: Flask) -> KeyValueStore:
    """Return the store of invenio-accounts' sessions."""
    folder = Path(app.instance_path, "sessions")
    folder.mkdir(exist_ok=True)
    return FilesystemStore(str(folder))
