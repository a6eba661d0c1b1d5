"""What a holder of a digital reward may download: a recording, a score, a film (domain.md section 10)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from microfund.kernel.crypto import EncryptedTextField


class DigitalFile(models.Model):
    """A file that its owner gave for an offer; encrypted, without an address of its own. One that was taken away stays
    as a row, without its bytes, so that what was downloaded is known."""

    offer = models.ForeignKey("rewards.Offer", models.PROTECT, related_name="files", verbose_name=_("offer"))
    name = models.CharField(_("file name"), max_length=120)
    content_type = models.CharField(_("kind of file"), max_length=40)
    size = models.PositiveIntegerField(_("size (bytes)"))
    sha256 = models.CharField(_("content hash"), max_length=64)
    file = models.CharField(max_length=80)
    key = EncryptedTextField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("added by"))
    added_at = models.DateTimeField(_("added at"))
    removed_at = models.DateTimeField(_("removed at"), null=True)

    class Meta:
        verbose_name = _("file of a digital reward")
        verbose_name_plural = _("files of digital rewards")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["offer", "sha256"], condition=Q(removed_at__isnull=True), name="digital_file_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Download(models.Model):
    """One time that a holder took a file."""

    entitlement = models.ForeignKey("rewards.Entitlement", models.PROTECT, related_name="downloads")
    file = models.ForeignKey(DigitalFile, models.PROTECT, related_name="downloads", verbose_name=_("file"))
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("download")
        verbose_name_plural = _("downloads")

    def __str__(self) -> str:
        return f"{self.entitlement_id}: {self.file_id}"
