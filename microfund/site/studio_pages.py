"""The front of the studio (pages.md O1): what is to be done, by date, for everything that a person speaks for.

It looks into several apps as they come and therefore lives here; the pages behind it belong to their apps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from businesses import members
from businesses.following import queries as following
from businesses.models import Business, Post
from businesses.news import queries as news
from businesses.profile import queries as profile
from businesses.questions.models import Question
from businesses.studio.access import Desk, studio, to_second_factor
from investments.distributions.models import OWING, Distribution
from investments.models import Period
from investments.offerings import queries as offerings
from microfund.kernel import clock
from microfund.kernel.accounts.factors import has_factor
from microfund.kernel.money import format_money
from microfund.kernel.pages import private
from rewards import queries as rewards
from rewards.models import TO_PACK, Cycle, Entitlement

from .figures import supporter_words
from .templatetags.tomobune import bilingual_filter

WEEK = timedelta(days=7)
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do or to know: since or at when, what, where."""

    at: datetime
    business: Business
    label: str
    href: str
    urgent: bool = False


def tasks_of(businesses: list[Business], *, owned: set[int], at: datetime) -> list[Task]:
    """What waits at these businesses, the oldest first: drafts, planned news, returned texts, questions, silence of
    more than `news.SILENCE`; at those that the visitor owns (ids), parcels, reports and payments that are due."""
    rows = Business.objects.filter(pk__in=[business.pk for business in businesses])
    found = []
    for post in news.drafts_and_planned(rows):
        title = post.title or _("Untitled")
        edit = reverse("studio:news_edit", args=[post.business.slug, post.pk])
        if post.state == Post.State.SCHEDULED and post.publish_at:
            check = reverse("studio:news_publish", args=[post.business.slug, post.pk])
            found.append(Task(post.publish_at, post.business, _("Goes out: %(title)s") % {"title": title}, check))
        else:
            found.append(Task(post.edited_at, post.business, _("Draft: %(title)s") % {"title": title}, edit))
    for proposal in profile.returned(businesses):
        label = _("Returned by staff: %(section)s") % {"section": proposal.get_section_display()}
        href = reverse(f"studio:{proposal.section}", args=[proposal.business.slug])
        found.append(Task(proposal.reviewed_at or proposal.edited_at, proposal.business, label, href, urgent=True))
    last = news.last_published(rows)
    for business in businesses:
        since = last.get(business.pk) or business.published_at
        if business.state == Business.State.PUBLISHED and since and since <= at - news.SILENCE:
            href = reverse("studio:news_new", args=[business.slug])
            days = (at - since).days
            if business.pk not in last:
                label = _("No news yet. Write a line?")
            elif days > YEAR.days:
                label = _("No news for more than a year. Write a line?")
            else:
                label = _("No news for %(days)d days. Write a line?") % {"days": days}
            found.append(Task(since, business, label, href, urgent=True))
    for question in Question.objects.filter(business__in=rows, state=Question.State.OPEN).select_related("business"):
        label = _("A question waits: %(text)s") % {"text": question.text[:60]}
        href = reverse("studio:questions", args=[question.business.slug])
        found.append(Task(question.asked_at, question.business, label, href, urgent=question.asked_at <= at - WEEK))
    found += _parcels([business for business in businesses if business.pk in owned], at=at)
    found += _money_tasks([business for business in businesses if business.pk in owned], at=at)
    return sorted(found, key=lambda task: (task.at, task.business.pk))


def _parcels(businesses: list[Business], *, at: datetime) -> list[Task]:
    """Seasons of which something waits to be packed or sent, by the day on which it must be sent."""
    on = clock.today_in(None, at)
    waiting = Entitlement.objects.filter(cycle=OuterRef("pk"), state__in=[*TO_PACK, "packing"])
    cycles = Cycle.objects.filter(Exists(waiting), offer__fund__business__in=businesses, state=Cycle.State.CLOSED)
    found = []
    for cycle in cycles.select_related("offer__fund__business").order_by("dispatch_by", "pk"):
        business = cycle.offer.fund.business
        label = _("Send the parcels: %(reward)s") % {"reward": bilingual_filter(cycle.offer, "text")}
        href = reverse("rewards:season", args=[business.slug])
        due = clock.start_of_day(cycle.dispatch_by)
        found.append(Task(due, business, label, href, urgent=cycle.dispatch_by < on))
    return found


def _money_tasks(businesses: list[Business], *, at: datetime) -> list[Task]:
    """Reports that are due, and payments."""
    by_pk = {business.pk: business for business in businesses}
    on = clock.today_in(None, at)
    found = []
    for period in Period.objects.filter(fund__business__in=by_pk, state=Period.State.REPORT_DUE).select_related("fund"):
        business = by_pk[period.fund.business_id]
        words = _("Report the sales of period %(number)d") % {"number": period.number}
        href = reverse("studio:report", args=[business.slug, period.pk])
        due = clock.start_of_day(period.report_due_on)
        found.append(Task(due, business, words, href, urgent=period.report_due_on < on))
    for owed in Distribution.objects.filter(OWING, fund__business__in=by_pk).select_related("fund", "period"):
        business = by_pk[owed.fund.business_id]
        words = _("Pay %(amount)s for period %(number)d") % {
            "amount": format_money(owed.owed, owed.fund.currency),
            "number": owed.period.number,
        }
        href = reverse("studio:payments", args=[business.slug])
        # What came back from vouchers alone is due without a date.
        due_on = owed.payment_on if owed.in_arrears else on
        found.append(Task(clock.start_of_day(due_on), business, words, href, urgent=due_on < on))
    for own in rewards.owed_by(businesses):
        business = own.entitlement.cycle.offer.fund.business
        assert own.due_on is not None
        words = _("Pay %(amount)s instead of a reward") % {"amount": format_money(own.amount)}
        href = reverse("studio:payments", args=[business.slug])
        found.append(Task(clock.start_of_day(own.due_on), business, words, href, urgent=own.due_on < on))
    return found


@private
@require_safe
@login_required
def studio_home(request: HttpRequest) -> HttpResponse:
    """O1: to do, and the businesses. Somebody who speaks for none is told how one comes here; an owner without a second
    factor is led to set one up."""
    own = list(members.businesses_of(request.user))
    owned = members.owned_by(request.user)
    if owned and not has_factor(request.user):
        return to_second_factor(request)
    context: dict[str, Any] = {
        "businesses": own,
        "tasks": tasks_of(own, owned=owned, at=clock.now()),
        "trail": [(_("Home"), reverse("home"))],
    }
    return render(request, "studio/home.html", context)


@studio()
@require_safe
def studio_business(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O1: one business: to do, how far its fund is, what supporters wrote, news, members, how many follow."""
    fund = next(iter(offerings.funds_of(desk.business)), None)
    terms = offerings.terms_of(fund) if fund else None
    at = clock.now()
    context = {
        **desk.context(),
        "fund": fund,
        "figures": offerings.figures(fund, terms, on=clock.today_in(at=at), at=at) if fund and terms else None,
        "supporter_words": supporter_words(desk.business),
        "tasks": tasks_of([desk.business], owned={desk.business.pk} if desk.is_owner else set(), at=clock.now()),
        "latest": news.latest(desk.business),
        "followers": following.count(desk.business),
        "member_count": members.members_of(desk.business).count(),
    }
    return render(request, "studio/business.html", context)
