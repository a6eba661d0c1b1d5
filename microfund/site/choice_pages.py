"""How a holder takes what a fund pays: in cash, in kind, or given back (pages.md I3). Works without scripts.

Another person's holding, one that does not exist, and one whose fund offers only cash answer alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from investments.distributions import elections
from investments.distributions.elected import Choice, Election, ElectionOffer, worth
from investments.distributions.explain import percent
from investments.models import Holding, Period
from investments.offerings import queries as offerings
from investments.offerings.projection import project
from investments.offerings.rule import Allocation
from investments.policy.services import withholding_rate
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.money import format_money
from microfund.kernel.pages import REFUSED, form_methods, private, refuse

from .own_holdings import BEFORE_TERM


@dataclass(frozen=True, slots=True)
class Choosing:
    """What a holder may choose now: the fund's offer, the choice that holds, and the period from which a new one would
    count (None: the term has not begun, or no record date is left). `expected` is what its payment comes to if sales
    come as planned."""

    offer: ElectionOffer
    election: Election | None
    period: Period | None
    expected: Allocation | None
    begun: bool

    @property
    def choice(self) -> str:
        """The choice that holds now."""
        return self.election.choice if self.election else Choice.CASH

    @property
    def bonus(self) -> str:
        """The bonus that holds, in percent: that of the choice in kind that was made, else that on offer."""
        kept = self.election is not None and self.election.choice == Choice.IN_KIND
        return percent(self.election.bonus if kept and self.election else self.offer.bonus)

    @property
    def possible(self) -> bool:
        """Whether anything can be chosen or changed."""
        return self.period is not None and (self.offer.in_kind or self.offer.give_back or self.choice != Choice.CASH)


def choosing(holding: Holding, *, at: Any) -> Choosing | None:
    """What the holder of a holding may choose; None where its fund never offered anything but cash. Four queries, one
    where it never did."""
    offer = elections.offer_of(holding.fund)
    if offer is None:
        return None
    period = elections.next_period(holding.fund, at=at)
    begun = holding.fund.state not in BEFORE_TERM
    return Choosing(offer, elections.choice_of(holding), period, _expected(holding, period, at=at), begun)


def _expected(holding: Holding, period: Period | None, *, at: Any) -> Allocation | None:
    """What a period pays for the units of a holding by its terms at plan, taxed at the rate of today."""
    terms = offerings.terms_of(holding.fund)
    if period is None or terms is None or not holding.units or len(terms.plan_revenue) != terms.periods:
        return None
    rate = withholding_rate(clock.today_in(None, at), holding.investor.kind)
    found = project(offerings.rule_terms(terms), list(terms.plan_revenue), 100, holding.units, rate)
    return found.periods[period.number - 1].allocation


class ChoiceForm(forms.Form):
    """How a holder takes what is paid from a period on; `period` and `offer` are what the page showed."""

    choice = forms.ChoiceField(label=gettext_lazy("How do you want to be paid?"), widget=forms.RadioSelect)
    period = forms.IntegerField(widget=forms.HiddenInput)
    offer = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, own: Choosing, currency: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["choice"].choices = _ways(own, currency)  # type: ignore[attr-defined]


def _ways(own: Choosing, currency: str) -> list[tuple[str, str]]:
    """What can be chosen, with what it means in yen for the next payment."""
    words = {"bonus": percent(own.offer.bonus)}
    net = own.expected.net if own.expected else 0
    words |= {"net": format_money(net, currency), "worth": format_money(worth(net, own.offer.bonus), currency)}
    cash, kind, back = (
        _("In cash, to your bank account"),
        _("In kind, with a bonus of %(bonus)s") % words,
        _("Given back"),
    )
    if net:
        cash = _("In cash: %(net)s to your bank account") % words
        kind = _("In kind: a voucher for %(worth)s at the business, a bonus of %(bonus)s in it") % words
        back = _("Give it back: the business keeps %(net)s") % words
    found = [(Choice.CASH.value, cash)]
    if own.offer.in_kind:
        found.append((Choice.IN_KIND.value, kind))
    if own.offer.give_back:
        found.append((Choice.GIVE_BACK.value, back))
    return found


@private
@form_methods
@login_required
def choice(request: HttpRequest, reference: str) -> HttpResponse:
    """I3: choose, with what each choice means; giving back asks once more in plain words."""
    at = clock.now()
    held = Holding.objects.select_related("fund__business", "fund__policy", "investor").prefetch_related(
        offerings.newest_terms(path="fund__terms")
    )
    holding = get_object_or_404(held, reference=reference, investor__user_id=request.user.pk)
    own = choosing(holding, at=at)
    if own is None:
        raise Http404
    form = ChoiceForm(
        request.POST if request.method == "POST" else None,
        own=own,
        currency=holding.fund.currency,
        initial={
            "choice": own.choice,
            "period": own.period.number if own.period else None,
            "offer": own.offer.pk,
        },
    )
    asked = False
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data["choice"] == Choice.GIVE_BACK != own.choice and "sure" not in request.POST
        if not asked and _chosen(request, holding, form, at=at):
            return redirect("holding", reference=holding.reference)
    context = {
        "holding": holding,
        "fund": holding.fund,
        "business": holding.fund.business,
        "own": own,
        "form": form,
        "asked": asked,
        "trail": [
            (_("My account"), reverse("me")),
            (_("Holdings"), reverse("holdings")),
            (holding.reference, reverse("holding", args=[holding.reference])),
        ],
    }
    return render(request, "site/choice.html", context, status=REFUSED if form.errors else 200)


def _chosen(request: HttpRequest, holding: Holding, form: ChoiceForm, *, at: Any) -> bool:
    """Write the choice down; the refusal stands by its field."""
    data = form.cleaned_data
    period = Period.objects.filter(fund=holding.fund_id, number=data["period"]).first()
    if period is None:
        form.add_error(None, _("This period does not exist."))
        return False
    try:
        elections.elect(holding, data["choice"], offer_id=data["offer"], period=period, actor=request.user, at=at)
    except DomainError as error:
        refuse(form, error)
        return False
    said = {
        Choice.CASH: _("It is noted: you are paid in cash."),
        Choice.IN_KIND: _("It is noted: you are paid in kind, with vouchers for the business."),
        Choice.GIVE_BACK: _("It is noted: you give back to the business what the fund pays you. Thank you."),
    }
    messages.success(request, said[Choice(data["choice"])])
    return True
