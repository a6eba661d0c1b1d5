"""Files of pictures that nothing shows any more are swept away; those of private files have a sweep of their own.

A picture is stored before the row that names it is committed, and stays when a row lets go of it, since another may
show the same one (names are made of content). So a file is lost when no row and no proposal names it: any model with
the columns `digest` and `widths` counts, whichever app it is of.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models
from django.db.models import Q

from microfund.kernel import clock

from . import images
from .profile.models import Proposal
from .profile.queries import OPEN

#: A picture without a row is left alone for so long: its row may be about to be committed.
LOST_AFTER = timedelta(days=1)
#: What staff have judged, or a member has withdrawn, can be looked at for so long.
KEEP_JUDGED = timedelta(days=90)
_AT_ONCE = 500


def sweep_lost(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: delete the pictures that nothing names, a day after they were last stored.

    By the machine's clock, which dates files: on a moved one, a picture just stored would look old. Cut off, it has
    deleted some files of a picture; the next one deletes the others. Again, it finds nothing.
    """
    before, counts = clock.machine() - LOST_AFTER, {"deleted": 0}
    if not default_storage.exists(images.FOLDER):
        return counts
    stored = iter(default_storage.listdir(images.FOLDER)[0])
    while some := list(islice(stored, _AT_ONCE)):
        old = {digest for digest in some if _is_old(digest, before)}
        for digest in old - _named(old, at):
            counts["deleted"] += _delete(digest, before)
    return counts


def _files(digest: str) -> list[str]:
    folder = f"{images.FOLDER}/{digest}"
    return [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]


def _is_old(digest: str, before: datetime) -> bool:
    names = [f"{images.FOLDER}/{digest}", *_files(digest)]
    return all(default_storage.get_modified_time(name) < before for name in names)


def _delete(digest: str, before: datetime) -> bool:
    """Delete a picture, unless it was stored anew in the meantime."""
    with images.alone(default_storage):
        if not _is_old(digest, before):
            return False
        for name in _files(digest):
            default_storage.delete(name)
        default_storage.delete(f"{images.FOLDER}/{digest}")
    return True


def showing() -> list[type[models.Model]]:
    """The models whose rows show a picture of the pipeline."""
    return [
        model for model in apps.get_models() if {"digest", "widths"} <= {field.name for field in model._meta.fields}
    ]


def _named(digests: set[str], at: datetime) -> set[str]:
    """Which of them a row shows, or a proposal that is open or was judged not long ago. Proposals come last: what one
    puts on the page while this runs is found there."""
    found: set[str] = set()
    for model in showing():
        found |= set(model._default_manager.filter(digest__in=digests).values_list("digest", flat=True))
    since = at - KEEP_JUDGED
    recent = Q(state__in=OPEN) | Q(edited_at__gte=since) | Q(reviewed_at__gte=since)
    for texts, before in Proposal.objects.filter(recent).values_list("texts", "before").iterator():
        found |= digests & {*_of_lists(texts), *_of_lists(before)}
    return found


def _of_lists(texts: dict[str, Any]) -> Iterator[str]:
    """The pictures in the lists of a proposal (profile/lists.py)."""
    for value in texts.values():
        if isinstance(value, list):
            yield from (item["picture"]["digest"] for item in value if item["picture"])
