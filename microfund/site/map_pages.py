"""The map of the businesses (pages.md P12): what the list's search leaves, on the coast, with a list beside it.

The coast is one drawing (`static/img/coast.svg`, from Natural Earth, public domain); pins are links with words, and the
list beside them says everything again, so nobody needs the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from businesses.models import Business
from investments.models import Fund
from investments.offerings import queries as offerings
from microfund.kernel import clock

from . import filters
from .business_cards import Card, cards_of
from .page_cache import for_visitors
from .templatetags.tomobune import bilingual_filter

#: The drawing's own units: a kilometre is about one and a half.
WIDTH, HEIGHT = 360, 664
#: Pins nearer to each other than a finger is wide become one.
NEAR = 24
#: More than this many nobody reads; filters make them fewer.
MOST = 200


@dataclass(slots=True)
class Pin:
    """One or more businesses at a place of the drawing, told apart by its number."""

    number: int
    x: int
    y: int
    cards: list[Card] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What the pin says: the names, their towns, how far each fund is."""
        return "; ".join(
            f"{bilingual_filter(card.business, 'name')}, {bilingual_filter(card.business, 'town')}: {card.state_label}"
            for card in self.cards
        )

    @property
    def href(self) -> str:
        """The page of the one business, or the place in the list beside where all of them stand."""
        if len(self.cards) > 1:
            return f"#place-{self.number}"
        return reverse("businesses:detail", args=[self.cards[0].business.slug])

    @property
    def raising(self) -> bool:
        """Whether one of them is raising."""
        return any(card.fund.state == Fund.State.OPEN for card in self.cards)


def placed(business: Business) -> bool:
    """Whether somebody has said where the business is."""
    return 0 < business.map_x < WIDTH and 0 < business.map_y < HEIGHT


def pins(cards: Iterable[Card]) -> list[Pin]:
    """The cards that have a place as pins, from north to south; what lies closer than NEAR shares the first one's."""
    made: list[Pin] = []
    for card in sorted(
        (card for card in cards if placed(card.business)), key=lambda card: (card.business.map_y, card.business.pk)
    ):
        x, y = card.business.map_x, card.business.map_y
        near = next((pin for pin in made if (pin.x - x) ** 2 + (pin.y - y) ** 2 < NEAR**2), None)
        if near is None:
            near = Pin(len(made) + 1, x, y)
            made.append(near)
        near.cards.append(card)
    return made


@for_visitors
@require_safe
def map_page(request: HttpRequest) -> HttpResponse:
    """P12: the funds that the filters leave, at their places; those without a place are listed below."""
    filterset = filters.FundFilter(request.GET, queryset=offerings.shown_funds())
    keys = list(filters.found_by(filterset).values_list("pk", flat=True)[: MOST + 1])
    cards = cards_of(keys[:MOST], on=clock.today_in(), at=clock.now())
    context = {
        **filters.shown_with(filterset, request.path),
        "count": len(cards),
        "more": len(keys) > MOST,
        "pins": pins(cards),
        "unplaced": [card for card in cards if not placed(card.business)],
        "trail": [(_("Home"), reverse("home")), (_("Businesses"), reverse("businesses:list"))],
    }
    return render(request, "businesses/map.html", context)
