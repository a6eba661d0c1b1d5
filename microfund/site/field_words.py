"""Words for the columns that the models leave to their Python names, which no catalogue translates.

A link to another model is called what that model is called. Set on the loaded fields only: what migrations compare is
the name that was written in the model, and it stays as it is.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.utils.translation import gettext_lazy as _

OURS = ("businesses", "investments", "rewards", "microfund")
WORDS: dict[str, Any] = {
    "actor": _("by"),
    "content_hash": _("content hash"),
    "imported_by": _("imported by"),
    "maker": _("maker"),
    "requested_by": _("requested by"),
    "xact": _("database transaction"),
}


def name_fields() -> None:
    """Give each field of our models that has no name of its own one that follows the reader's language."""
    for model in apps.get_models():
        if model.__module__.split(".")[0] not in OURS:
            continue
        for field in model._meta.concrete_fields:
            if field._verbose_name is not None:
                continue
            if field.name in WORDS:
                field.verbose_name = WORDS[field.name]
            elif field.is_relation:
                field.verbose_name = field.related_model._meta.verbose_name
