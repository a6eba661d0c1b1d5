"""What the simulator shows: the form, a projection through the rule that pays, and the geometry of its chart.

Amounts are yen; shares of the plan are whole percent. The chart is drawn in whole units of its own coordinate system,
so that everything on it is an attribute and nothing needs an inline style (pages.md 1.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from django import forms
from django.utils.translation import gettext_lazy as _

from investments.distributions.elected import worth
from investments.offerings.projection import MOST_PERCENT, Projection, project
from investments.offerings.rule import RuleTerms

PRESETS = (60, 100, 150)
#: The short table: nothing, a bad decade, the plan, a good decade.
SHORT = (0, 60, 100, 150)
STEP = 5
DEFAULTS = {"sales_pct": "100", "units": "1"}


class SimulatorForm(forms.Form):
    """How sales go, in percent of the plan, and how many units. Whole numbers; `60%` and full-width digits are read."""

    sales_pct = forms.CharField(label=_("Sales, in percent of the plan"), max_length=12)
    units = forms.CharField(label=_("Units"), max_length=12)
    use_required_attribute = False

    def __init__(self, data: Mapping[str, str], *, most_units: int) -> None:
        # What is left out or empty means the plan itself and one unit, and the fields say so.
        super().__init__({name: data.get(name, "").strip() or default for name, default in DEFAULTS.items()})
        self.most_units = most_units
        self.clipped = False
        self.fields["sales_pct"].widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
        self.fields["units"].widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})

    def clean_sales_pct(self) -> int:
        """0 to 300; more is clipped, and `clipped` says so."""
        number = _whole(self.cleaned_data["sales_pct"].rstrip("%％ "))
        self.clipped = number > MOST_PERCENT
        return min(number, MOST_PERCENT)

    def clean_units(self) -> int:
        """1 up to what one person may hold of a fund."""
        text = self.cleaned_data["units"]
        if not text.isdecimal() or not 1 <= int(text) <= self.most_units:
            raise forms.ValidationError(
                _("Enter a number of units from 1 to %(most)d."), code="range", params={"most": self.most_units}
            )
        return int(text)

    @property
    def percent(self) -> int:
        """The share asked for; the plan itself where it could not be read."""
        return self.cleaned_data.get("sales_pct", 100)

    @property
    def number(self) -> int:
        """The units asked for; one where they could not be read."""
        return self.cleaned_data.get("units", 1)


def _whole(text: str) -> int:
    """A whole number of at least 0; raises ValidationError."""
    if not text.isdecimal():
        raise forms.ValidationError(_("Enter a whole number in digits, like 80."), code="not_a_number")
    return int(text)


@lru_cache(maxsize=512)
def curve(terms: RuleTerms, plan: tuple[int, ...], most: int) -> tuple[tuple[int, int], ...]:
    """(percent of plan, yen repaid per unit over the whole term) from 0 to `most`, with the break-even point if any."""
    percents = {*range(0, most + 1, STEP)}
    point = break_even(terms, plan)
    if point is not None and point <= most:
        percents.add(point)
    return tuple((percent, project(terms, plan, percent, 1).per_unit) for percent in sorted(percents))


@lru_cache(maxsize=512)
def break_even(terms: RuleTerms, plan: tuple[int, ...]) -> int | None:
    """The least whole percent of the plan at which the investment is fully returned; None if 300 % is not enough."""
    low, high = 0, MOST_PERCENT
    if project(terms, plan, high, 1).shortfall:
        return None
    while low < high:
        middle = (low + high) // 2
        if project(terms, plan, middle, 1).shortfall:
            low = middle + 1
        else:
            high = middle
    return low


def short_table(terms: RuleTerms, plan: Sequence[int], units: int, rate: Decimal) -> list[Projection]:
    """The projections of the short table, the worst first."""
    return [project(terms, plan, percent, units, rate) for percent in SHORT]


def in_kind(projection: Projection, bonus: Decimal) -> int:
    """What the vouchers of a projection are worth in yen if every period is taken in kind: each rounded down once."""
    return sum(worth(row.allocation.net, bonus) for row in projection.periods)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where, and the figure beside it (yen or percent)."""

    at: int
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Whole-number geometry of the return line. Points are the text of a `points` attribute; y grows downwards."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    line: str
    loss: str
    gain: str
    even_y: int
    even_x: int | None
    even_percent: int | None
    here_x: int
    here_y: int
    here_percent: int
    here_amount: int
    invested: int
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    loss_label_x: int
    loss_label_y: int
    gain_label_x: int
    gain_label_y: int


WIDTH, HEIGHT = 480, 320
LEFT, RIGHT, TOP, BOTTOM = 66, 466, 18, 268


def chart(terms: RuleTerms, plan: Sequence[int], *, percent: int, units: int) -> Chart:
    """The return of `units` units against sales, up to twice the plan, or three times where `percent` needs it."""
    most = 200 if percent <= 200 else MOST_PERCENT
    points = curve(terms, tuple(plan), most)
    invested = terms.investment * units
    here = project(terms, plan, percent, units).per_unit * units
    top_amount, step = scale(max(points[-1][1] * units, invested, here))

    def tenths_x(share: int) -> int:
        return LEFT * 10 + (RIGHT - LEFT) * 10 * share // most

    def tenths_y(amount: int) -> int:
        return BOTTOM * 10 - (BOTTOM - TOP) * 10 * amount // top_amount

    def x(share: int) -> int:
        return tenths_x(share) // 10

    def y(amount: int) -> int:
        return tenths_y(amount) // 10

    def point(share: int, amount: int) -> str:
        across, down = tenths_x(share), tenths_y(amount)
        return f"{across // 10}.{across % 10},{down // 10}.{down % 10}"

    even = break_even(terms, tuple(plan))
    shown = even if even is not None and even <= most else None
    line = [(share, point(share, per_unit * units)) for share, per_unit in points]
    below = [text for share, text in line if shown is None or share <= shown]
    above = [text for share, text in line if shown is not None and share >= shown]
    even_y = y(invested)
    middle = x((shown if shown is not None else most) * 3 // 10)
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
        line=" ".join(text for _share, text in line),
        loss=" ".join([point(0, invested), *below, point(shown if shown is not None else most, invested)]),
        gain=" ".join([*above, point(most, invested)]) if len(above) > 1 else "",
        even_y=even_y,
        even_x=None if shown is None else x(shown),
        even_percent=shown,
        here_x=x(percent),
        here_y=y(here),
        here_percent=percent,
        here_amount=here,
        invested=invested,
        x_ticks=tuple(Tick(x(share), share) for share in range(0, most + 1, 50)),
        y_ticks=tuple(Tick(y(amount), amount) for amount in range(0, top_amount + 1, step)),
        loss_label_x=middle,
        loss_label_y=even_y + 20,
        gain_label_x=RIGHT - 4,
        gain_label_y=even_y - 8,
    )


def scale(amount: int) -> tuple[int, int]:
    """Top of the axis and its step: round amounts, at most five steps, the line well below the top."""
    wanted = max(1, amount * 11 // 10)
    unit = 1
    while True:
        for factor in (1, 2, 5):
            step = unit * factor
            if step * 5 >= wanted:
                return -(-wanted // step) * step, step
        unit *= 10
