"""Template tags of the public pages and of the contract documents: rates, durations, texts by language, examples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from investments.investors.prefectures import label
from investments.models import Terms
from investments.offerings.projection import Projection, project
from investments.offerings.queries import rule_terms
from investments.offerings.rule import recoup_revenue
from investments.policy import services as policy
from microfund.kernel import clock
from microfund.site.templatetags.tomobune import active_language

register = template.Library()

#: Shares of the planned sales that documents work out, the worst first.
EXAMPLES = (0, 60, 100, 150)


@register.filter
def percent(rate: Decimal | None) -> str:
    """A rate as people write it: ``Decimal("0.0336")`` is ``3.36%``; an em dash for none."""
    if rate is None:
        return "—"
    text = f"{rate * 100:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"


@register.filter
def share_of(part: int, whole: int) -> int:
    """``part`` of ``whole`` in whole percent, rounded half up; 0 of nothing."""
    return (200 * part + whole) // (2 * whole) if whole > 0 else 0


@register.filter
def prefecture(name: str) -> str:
    """What a prefecture is called in the active language."""
    return label(name)


@register.simple_tag
def text_of(texts: Mapping[str, Any]) -> SafeString:
    """``{% text_of use %}`` for a mapping with the texts ``en`` and ``ja``; a fallback carries its own ``lang``."""
    wanted = active_language()
    other = "ja" if wanted == "en" else "en"
    if texts.get(wanted):
        return conditional_escape(texts[wanted])
    return format_html('<span lang="{}">{}</span>', other, texts[other]) if texts.get(other) else SafeString("")


@register.simple_tag
def phrases(text: str) -> SafeString:
    """A heading of several sentences, each in a span of its own, so that lines break between them."""
    sentences = re.findall(r"[^.。]+[.。]?", text)
    between = "" if "。" in text else " "  # Japanese puts no space between sentences
    return format_html_join(between, '<span class="phrase">{}</span>', ((sentence.strip(),) for sentence in sentences))


@register.filter
def duration(months: int) -> str:
    """Months as people say them: ``10 years``, ``18 months``."""
    if months % 12 == 0:
        years = months // 12
        return ngettext("%(count)d year", "%(count)d years", years) % {"count": years}
    return ngettext("%(count)d month", "%(count)d months", months) % {"count": months}


@register.filter
def term_length(terms: Terms) -> str:
    """How long the term of a fund is: ``10 years``."""
    return duration(terms.periods * terms.period_months)


@register.filter
def file_size(size: int) -> str:
    """Bytes as people read them: ``12 kB``, rounded up so that nothing is 0."""
    return _("%(size)d kB") % {"size": -(-size // 1000)}


@register.simple_tag
def worked_examples(terms: Terms, at: datetime, units: int = 1) -> list[Projection]:
    """What `units` units get back at 0, 60, 100 and 150 % of plan, by the rule that pays, with today's tax rate.

    Empty while the plan does not cover the term, which only a draft can be.
    """
    if len(terms.plan_revenue) != terms.periods:
        return []
    rate = policy.tax_rate("withholding", clock.today_in(at=at))
    return [project(rule_terms(terms), terms.plan_revenue, percent, units, rate) for percent in EXAMPLES]


@register.simple_tag
def recoup_of(terms: Terms) -> int:
    """The revenue (yen) at which the investment is fully returned."""
    return recoup_revenue(rule_terms(terms))


@register.simple_tag
def withholding_rate(at: datetime) -> Decimal:
    """The withholding rate in force at an instant."""
    return policy.tax_rate("withholding", clock.today_in(at=at))


@register.simple_tag
def plan_total(terms: Terms) -> int:
    """The planned sales of the whole term, yen."""
    return sum(terms.plan_revenue)
