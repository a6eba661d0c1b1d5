"""The feed of funds that open and close (pages.md P20). It takes the filters of the list in its address, so that a
search can be followed: `/feeds/funds.rss?trade=oyster&stage=raising`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.syndication.views import Feed
from django.http import HttpRequest
from django.urls import reverse
from django.utils.feedgenerator import Rss201rev2Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from investments.models import Fund
from investments.offerings import queries as offerings

from .feeds import ITEMS, tag
from .filters import FundFilter, chips
from .templatetags.tomobune import bilingual_filter


class Event(NamedTuple):
    """A fund opened (`opened`), or its offering ended."""

    fund: Fund
    at: datetime
    opened: bool


class FundFeed(Feed):
    """What the filters of the address find: each fund with the day on which it opened, and that on which it closed."""

    feed_type = Rss201rev2Feed
    item_guid_is_permalink = False

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> FundFilter:
        filterset = FundFilter(request.GET, queryset=offerings.shown_funds())
        filterset.is_valid()  # what nobody knows is left out, as on the list
        return filterset

    def title(self, filterset: FundFilter) -> str:
        found = [str(chip.label) for chip in chips(filterset, "")]
        return " · ".join([_("Funds that open and close"), *found, "Tomobune"])

    def link(self, filterset: FundFilter) -> str:
        return reverse("businesses:list")

    def description(self, filterset: FundFilter) -> str:
        return _("Small businesses hurt by a disaster that raise money to reopen.")

    def items(self, filterset: FundFilter) -> list[Event]:
        """The newest events of the newest funds; two queries however many there are."""
        funds = filterset.qs.filter(opened_at__isnull=False).select_related("business")
        found = []
        for fund in funds.order_by("-opened_at", "-pk")[:ITEMS]:
            found.append(Event(fund, fund.opened_at, True))
            if fund.closed_at:
                found.append(Event(fund, fund.closed_at, False))
        return sorted(found, key=lambda event: (event.at, event.fund.pk), reverse=True)[:ITEMS]

    def item_title(self, event: Event) -> str:
        name = bilingual_filter(event.fund.business, "name")
        if event.opened:
            return _("%(name)s raises money") % {"name": name}
        if event.fund.state == Fund.State.FAILED:
            return _("%(name)s was not funded; everyone gets their money back") % {"name": name}
        return _("%(name)s is funded") % {"name": name}

    def item_description(self, event: Event) -> str:
        return bilingual_filter(event.fund.business, "use_line")

    def item_link(self, event: Event) -> str:
        return reverse("businesses:detail", args=[event.fund.business.slug])

    def item_guid(self, event: Event) -> str:
        return tag("funds", event.fund.pk, "opened" if event.opened else "closed", get_language())

    def item_pubdate(self, event: Event) -> datetime:
        return event.at
