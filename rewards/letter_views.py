"""Thank-you letters: written in the studio (pages.md O8), read and printed by each holder (I7)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from businesses import images
from businesses.studio.access import Desk, studio
from investments.investors import queries as investors
from investments.models import Fund, Holding
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, private, refuse

from . import letters
from .models import Letter


class WordsField(forms.CharField):
    """A text over several lines: the end of a line is one letter, as the page counts it, though it is sent as two."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        return str(super().to_python(value)).replace("\r\n", "\n")


class LetterForm(forms.Form):
    """The words, in one language or both; a reader gets their own if it is there."""

    text_ja = WordsField(
        label=gettext_lazy("Japanese"), required=False, max_length=letters.LONGEST, widget=forms.Textarea({"rows": 7})
    )
    text_en = WordsField(
        label=gettext_lazy("English"), required=False, max_length=letters.LONGEST, widget=forms.Textarea({"rows": 7})
    )
    picture = forms.FileField(
        label=gettext_lazy("A drawing or a photograph"),
        required=False,
        help_text=gettext_lazy("JPEG, PNG or WebP, at most 20 MB. It stands above the letter."),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )


@studio(owners=True)
@form_methods
def letter_desk(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O8: a letter for each of the four moments of each fund; saved as a draft, sent once."""
    funds = list(Fund.objects.filter(business=desk.business).exclude(state="draft").order_by("-opens_on", "-pk"))
    sent = request.POST.get("letter", "") if request.method == "POST" else ""
    bound = None
    if request.method == "POST":
        fund = next((fund for fund in funds if sent.startswith(f"{fund.pk}-")), None)
        moment = sent.partition("-")[2]
        if fund is None or moment not in Letter.Moment.values:
            raise Http404
        bound = LetterForm(request.POST, request.FILES, prefix=sent)
        if bound.is_valid() and _written(request, fund, moment, bound):
            return redirect("rewards:letter_desk", slug=desk.business.slug)
    known = {(row.fund_id, row.moment): row for row in Letter.objects.filter(fund__in=funds)}
    rows = []
    for fund in funds:
        for moment, label in Letter.Moment.choices:
            row = known.get((fund.pk, moment))
            prefix = f"{fund.pk}-{moment}"
            fresh = LetterForm(prefix=prefix, initial={"text_en": row.text_en, "text_ja": row.text_ja} if row else None)
            form = bound if bound is not None and prefix == sent else fresh
            rows.append(
                {"fund": fund, "label": label, "row": row, "form": form, "come": letters.has_come(fund, moment)}
            )
    context = {**desk.context(), "rows": rows, "form": bound}
    return render(request, "rewards/letter_desk.html", context, status=REFUSED if bound and bound.errors else 200)


def _written(request: HttpRequest, fund: Fund, moment: str, form: LetterForm) -> bool:
    send = request.POST.get("do") == "publish"
    try:
        letters.save(fund, moment, actor=request.user, at=clock.now(), send=send, **form.cleaned_data)
    except DomainError as error:
        refuse(form, error, field="picture" if isinstance(error, images.ImageRefused) else None)
        return False
    messages.success(request, _("Your supporters have their letter.") if send else _("Saved as a draft."))
    return True


@private
@require_safe
@login_required
def letter_list(request: HttpRequest) -> HttpResponse:
    """I7: every letter to me."""
    investor = investors.investor_of(request.user)
    context: dict[str, Any] = {
        "letters": letters.letters_of(investor)[:100] if investor else [],
        "trail": [(_("My account"), reverse("me"))],
    }
    return render(request, "rewards/letters.html", context)


@private
@require_safe
@login_required
def letter(request: HttpRequest, pk: int) -> HttpResponse:
    """I7: one letter with my name and units, to be printed. Another fund's answers 404."""
    investor = investors.investor_of(request.user)
    found = letters.letters_of(investor).filter(pk=pk).first() if investor else None
    if found is None:
        raise Http404
    context = {
        "letter": found,
        "business": found.fund.business,
        "holding": Holding.objects.get(investor=investor, fund=found.fund),
        "investor": investor,
        "trail": [(_("My account"), reverse("me")), (_("Letters"), reverse("rewards:letters"))],
    }
    return render(request, "rewards/letter.html", context)
