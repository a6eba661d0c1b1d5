"""What a business promises its investors in kind (domain.md section 10)."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from investments.models import Fund


class Offer(models.Model):
    """One promised reward of a fund, for holders of at least `minimum_units`."""

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="reward_offers")
    minimum_units = models.PositiveIntegerField(_("minimum units"), default=1, validators=[MinValueValidator(1)])
    text_en = models.CharField(_("text (English)"), max_length=200)
    text_ja = models.CharField(_("text (Japanese)"), max_length=200)
    when_en = models.CharField(_("when (English)"), max_length=120, blank=True)
    when_ja = models.CharField(_("when (Japanese)"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("reward offer")
        verbose_name_plural = _("reward offers")
        ordering = ["minimum_units", "pk"]

    def __str__(self) -> str:
        return self.text_en
