"""A season between two month-days, and the days of its claims (domain.md section 10)."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

_DAY = timedelta(days=1)
_MONTH = [MinValueValidator(1), MaxValueValidator(12)]
_MONTH_DAY = [MinValueValidator(1), MaxValueValidator(31)]
#: Years to count a season's days in, and to write its days.
_COMMON_YEAR, _LEAP_YEAR = 2021, 2020


def month_day(year: int, month: int, day: int) -> date:
    """A month and a day in a year; 29 February and the 31st of a short month are the month's last day."""
    return date(year, month, min(day, monthrange(year, month)[1]))


def last_day(first: date, begins: tuple[int, int], until: tuple[int, int]) -> date:
    """The last day of what begins every year on the month-day `begins`, this time on `first`, and lasts to the
    month-day `until`: one before it is in the next year. At the latest the day before it begins again."""
    year = first.year + (until < begins)
    return min(month_day(year, *until), month_day(first.year + 1, *begins) - _DAY)


class Seasonal(models.Model):
    """Each year from `season_month`-`season_day` to `season_until_month`-`season_until_day`, both within it, which may
    be in the next year; of older offers a season has no last day. Claims are open from `claim_month`-`claim_day` to
    `claim_until_month`-`claim_until_day`, before the season or in it; without these they open with the season."""

    season_month = models.PositiveSmallIntegerField(_("season begins in month"), default=1, validators=_MONTH)
    season_day = models.PositiveSmallIntegerField(_("season begins on day"), default=1, validators=_MONTH_DAY)
    season_until_month = models.PositiveSmallIntegerField(
        _("season ends in month"), null=True, blank=True, validators=_MONTH
    )
    season_until_day = models.PositiveSmallIntegerField(
        _("season ends on day"),
        null=True,
        blank=True,
        validators=_MONTH_DAY,
        help_text=_(
            "Parcels are sent by then. One before the first is in the next year; 29 February is the month's last day."
        ),
    )
    claim_month = models.PositiveSmallIntegerField(
        _("claims open in month"),
        null=True,
        blank=True,
        validators=_MONTH,
        help_text=_("Of a season, and optional: for claims before it. Empty: they open with it, for the days below."),
    )
    claim_day = models.PositiveSmallIntegerField(_("claims open on day"), null=True, blank=True, validators=_MONTH_DAY)
    claim_until_month = models.PositiveSmallIntegerField(
        _("claims close in month"), null=True, blank=True, validators=_MONTH
    )
    claim_until_day = models.PositiveSmallIntegerField(
        _("claims close on day"), null=True, blank=True, validators=_MONTH_DAY
    )

    class Meta:
        abstract = True

    def clean_season(self) -> None:
        """What a form may not save of a season. Raises ValidationError by field."""
        if (self.season_until_month is None) != (self.season_until_day is None):
            raise ValidationError({"season_until_day": _("Give both the month and the day, or neither.")})
        given = [self.claim_month, self.claim_day, self.claim_until_month, self.claim_until_day]
        if 0 < given.count(None) < len(given):
            text = _("Give the first and the last day of the claims, each with its month, or none of them.")
            raise ValidationError({"claim_until_day": text})
        if self.claim_month is not None and (not self._in_season() or self.season_until_month is None):
            text = _("Only a reward that comes in a season with a last day has days of its own for claims.")
            raise ValidationError({"claim_month": text})
        if self.season_until_month is None or not self._in_season() or not self._are_days():
            return
        first = month_day(_COMMON_YEAR, self.season_month, self.season_day)
        days = (self.season_end(first) - first).days + 1
        if self.claim_month is None and self.claim_days > days:
            text = _("The season has %(days)d days: claims cannot be open for longer.")
            raise ValidationError({"claim_days": text % {"days": days}})
        window = self.claims_of(first)
        if window is not None and window[1] > self.season_end(first):
            raise ValidationError({"claim_until_day": _("Claims end with the season at the latest.")})

    claim_days: int
    cycle: str

    def _in_season(self) -> bool:
        return self.cycle == "season"

    def _are_days(self) -> bool:
        """Whether all that is given are months and days."""
        months = (self.season_month, self.season_until_month, self.claim_month, self.claim_until_month)
        days = (self.season_day, self.season_until_day, self.claim_day, self.claim_until_day)
        return all(month is None or month in range(1, 13) for month in months) and all(
            day is None or day in range(1, 32) for day in days
        )

    def season_end(self, first: date) -> date:
        """The last day of the season that begins on `first`: at the latest the day before the next one begins. Only of
        an offer whose season has a last day."""
        assert self.season_until_month is not None and self.season_until_day is not None
        until = (self.season_until_month, self.season_until_day)
        return last_day(first, (self.season_month, self.season_day), until)

    def claims_of(self, first: date) -> tuple[date, date] | None:
        """The first and the last day of the claims of the season that begins on `first`, where these have days of their
        own: the last such window that begins by the season's last day."""
        if self.claim_month is None or self.claim_day is None:
            return None
        assert self.claim_until_month is not None and self.claim_until_day is not None
        begins, ends = (self.claim_month, self.claim_day), self.season_end(first)
        opens = month_day(ends.year, *begins)
        if opens > ends:
            opens = month_day(ends.year - 1, *begins)
        return opens, last_day(opens, begins, (self.claim_until_month, self.claim_until_day))

    @property
    def season(self) -> str:
        """The season in words; empty where there is none, or no last day of it."""
        if not self._in_season() or self.season_until_month is None or self.season_until_day is None:
            return ""
        days = _in_words((self.season_month, self.season_day), (self.season_until_month, self.season_until_day))
        return gettext("Every year from %(first)s to %(last)s") % days

    @property
    def claim_season(self) -> str:
        """The days of the claims in words; empty where they have none of their own."""
        if not self._in_season() or self.claim_month is None or self.claim_day is None:
            return ""
        assert self.claim_until_month is not None and self.claim_until_day is not None
        days = _in_words((self.claim_month, self.claim_day), (self.claim_until_month, self.claim_until_day))
        return gettext("to be claimed from %(first)s to %(last)s") % days


def _in_words(first: tuple[int, int], last: tuple[int, int]) -> dict[str, str]:
    """Both ends of something that comes every year, as the language writes them."""
    days = {"first": month_day(_LEAP_YEAR, *first), "last": month_day(_LEAP_YEAR, *last)}
    return {end: date_format(day, "MONTH_DAY_FORMAT") for end, day in days.items()}
