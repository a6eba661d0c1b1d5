"""Who did what, when and why: append-only rows, sealed afterwards into a hash chain (architecture.md section 10)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from microfund.kernel.models import AppendOnly


class AuditRow(AppendOnly):
    """One act on one object. `content_hash` (SHA-256) and `xact` are set by a trigger on insert.

    `changes` maps a field to [before, after], or holds figures of the act; never personal data in clear.
    """

    happened_at = models.DateTimeField(_("happened at"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now(), db_index=True, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("actor")
    )
    actor_label = models.CharField(_("by"), max_length=80)
    action = models.CharField(_("action"), max_length=80)
    object_type = models.CharField(_("object type"), max_length=60)
    object_id = models.CharField(_("object"), max_length=40)
    changes = models.JSONField(_("changes"), default=dict)
    reason = models.TextField(_("reason"), blank=True)
    content_hash = models.BinaryField(max_length=32, editable=False, db_default=b"")
    xact = models.BigIntegerField(editable=False, db_default=0)

    class Meta:
        verbose_name = _("audit row")
        verbose_name_plural = _("audit rows")
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="audit_object_idx"),
            models.Index(fields=["actor", "happened_at"], name="audit_actor_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type}:{self.object_id}"


class AuditSeal(AppendOnly):
    """A link of the chain: chain_hash = SHA-256(previous chain_hash + position + the row's content_hash)."""

    position = models.BigIntegerField(primary_key=True)
    row = models.OneToOneField(AuditRow, models.PROTECT, related_name="seal")
    chain_hash = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("audit seal")
        verbose_name_plural = _("audit seals")

    def __str__(self) -> str:
        return f"{self.position} {bytes(self.chain_hash).hex()[:12]}"
