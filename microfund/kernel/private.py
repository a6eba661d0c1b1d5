"""Files that no address leads to: encrypted, each under a key of its own, in settings.PRIVATE_ROOT.

The key lives in the database, in an encrypted field of the row that owns the file, so keys rotate with all others
(`rotate_field_keys`) and a deleted row's file cannot be read from a backup either.

A file is written before the row that names it is committed, and deleted after the row is gone: a process that dies in
between leaves a file that nobody can read. `sweep_orphans` finds those of the folders that are registered.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import islice

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from . import clock
from .crypto import UnreadableField

#: Files without a row are left alone for so long: their row may be about to be committed.
ORPHAN_AFTER = timedelta(days=1)
_AT_ONCE = 500
#: Answers which of these files a row names.
Named = Callable[[list[str]], Iterable[str]]

_owners: dict[str, Named] = {}


class PrivateStorage(FileSystemStorage):
    """Files in settings.PRIVATE_ROOT that have no address; only the site's user may read them."""

    def __init__(self) -> None:
        super().__init__(location=settings.PRIVATE_ROOT, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def url(self, name: str | None) -> str:
        """Raises ValueError: there is none."""
        raise ValueError("a private file has no address")


def storage() -> PrivateStorage:
    """The storage as it is configured now."""
    return PrivateStorage()


def put(folder: str, data: bytes) -> tuple[str, str]:
    """Store bytes; returns the file's name and its key, which the caller keeps in an EncryptedTextField."""
    key = Fernet.generate_key()
    name = storage().save(f"{folder}/{uuid.uuid4().hex}", ContentFile(Fernet(key).encrypt(data)))
    return name, key.decode()


@contextmanager
def stored(folder: str, data: bytes) -> Iterator[tuple[str, str]]:
    """Store bytes, as `put` does, for the block that writes the row which names them; if it raises, they go again."""
    name, key = put(folder, data)
    try:
        yield name, key
    except BaseException:
        remove(name)
        raise


def get(name: str, key: str) -> bytes:
    """The bytes of a file. Raises FileNotFoundError; UnreadableField when the key is not the file's."""
    with storage().open(name) as file:
        token = file.read()
    try:
        return Fernet(key.encode()).decrypt(token)
    except (InvalidToken, ValueError) as error:
        raise UnreadableField("this key does not open the file") from error


def remove(name: str) -> None:
    """Delete a file; one that is gone already is nothing."""
    storage().delete(name)


def register(folder: str, named: Named) -> None:
    """Say who owns the files of a folder: those that `named` does not answer are deleted once they are old enough."""
    _owners[folder] = named


def sweep_orphans(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: delete the files of the registered folders that no row names, a day after they were written.

    By the machine's clock, which dates files: on a moved one, a file just written would look old.
    """
    before, counts = clock.machine() - ORPHAN_AFTER, {"deleted": 0}
    for folder, named in _owners.items():
        found = _written(folder, before=before)
        while some := list(islice(found, _AT_ONCE)):
            for name in set(some) - set(named(some)):
                remove(name)
                counts["deleted"] += 1
    return counts


def _written(folder: str, *, before: datetime) -> Iterator[str]:
    """The files of a folder that were written before an instant."""
    place = storage()
    if not place.exists(folder):
        return
    for file in place.listdir(folder)[1]:
        name = f"{folder}/{file}"
        if place.exists(name) and place.get_modified_time(name) < before:
            yield name
