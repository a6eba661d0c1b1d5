"""Thank-you letters of owners to the holders of a fund (domain.md section 10)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from investments.models import Fund

from .pictured import Pictured


class Letter(Pictured):
    """A thank-you letter of the owner to every holder of a fund, at one of four moments (domain.md section 10), with
    their drawing or photograph if they give one. Written once; from publication on it never changes. Each holder's page
    adds their name and units."""

    class Moment(models.TextChoices):
        FUNDED = "funded", _("the fund has reached its goal")
        REOPENED = "reopened", _("we are open again")
        RECOUP = "recoup", _("the investment is earned back")
        MATURED = "matured", _("the term is over")

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="letters", verbose_name=_("fund"))
    moment = models.CharField(_("moment"), max_length=8, choices=Moment.choices)
    text_en = models.TextField(_("text (English)"), max_length=4_000, blank=True)
    text_ja = models.TextField(_("text (Japanese)"), max_length=4_000, blank=True)
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("written by")
    )
    saved_at = models.DateTimeField(_("saved at"))
    published_at = models.DateTimeField(_("published at"), null=True)

    class Meta:
        verbose_name = _("thank-you letter")
        verbose_name_plural = _("thank-you letters")
        constraints = [
            models.UniqueConstraint(fields=["fund", "moment"], name="letter_once"),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | ~(Q(text_en="") & Q(text_ja="")), name="letter_has_words"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fund_id} {self.moment}"
