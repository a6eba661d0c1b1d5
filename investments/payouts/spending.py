"""What a business may report as spent: the uses that the terms of its funds name, no more than was released to it
(pages.md 1.1). The report itself is a list of the business's page, judged by staff (businesses/profile/)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from businesses.models import Business
from businesses.profile import lists
from investments.offerings import queries as offerings
from microfund.kernel.errors import DomainError
from microfund.kernel.money import format_money

from .models import Release


def released_of(business: Business) -> dict[str, int]:
    """What was released to the business so far, in minor units (yen), by the slug of the fund."""
    released = Release.objects.filter(fund__business=business, released_on__isnull=False)
    return dict(released.values_list("fund__slug").annotate(sum=Sum("amount")).order_by())


def uses_of(business: Business) -> list[dict[str, Any]]:
    """Every use of a fund whose money was released, at least a part of it: the newest terms' words, and the fund."""
    released = released_of(business)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for fund in offerings.funds_of(business):
        terms = offerings.terms_of(fund)
        if terms is None or fund.slug not in released:
            continue
        for use in terms.uses:
            found.setdefault((fund.slug, use["en"]), {"fund": fund.slug, "use_en": use["en"], "use_ja": use["ja"]})
    return list(found.values())


def check(business: Business, given: list[dict[str, Any]]) -> None:
    """Raises DomainError "more_than_released", with the number of the item: a fund's money cannot be spent before it
    is there."""
    released = released_of(business)
    spent: dict[str, int] = defaultdict(int)
    for number, item in enumerate(given):
        spent[item["fund"]] += item.get("amount", 0)
        if spent[item["fund"]] > released[item["fund"]]:
            most = format_money(released[item["fund"]], "JPY")
            message = _("Together this is more than the %(most)s that were released to you.") % {"most": most}
            raise DomainError("more_than_released", message, field="amount", item=number)


def register() -> None:
    """Give the uses to the studio's list; called once when the app is ready."""
    lists.register("spending", lists.Source(uses_of, check))
