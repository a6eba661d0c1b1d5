"""A picture of the image pipeline (businesses/images.py) as part of a row; empty where there is none."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from businesses import images


class Pictured(models.Model):
    """What the page needs of a picture. Without one `digest` is empty."""

    digest = models.CharField(_("content hash"), max_length=64, blank=True, default="", db_default="", editable=False)
    widths = models.JSONField(_("widths"), default=list, db_default=[], editable=False)
    width = models.PositiveIntegerField(_("width"), default=0, db_default=0, editable=False)
    height = models.PositiveIntegerField(_("height"), default=0, db_default=0, editable=False)

    class Meta:
        abstract = True

    def take_picture(self, file: Any) -> None:
        """Put an upload through the pipeline; the row is not saved. Raises images.ImageRefused."""
        self.show(images.ingest(file))

    def show(self, made: images.ProcessedImage) -> None:
        """What went through the pipeline is its picture; the row is not saved."""
        self.digest, self.widths = made.digest, list(made.widths)
        self.width, self.height = made.width, made.height
