"""Questions to a business (pages.md P7), and one's own (I7)."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from businesses import queries as businesses
from businesses.models import Business
from businesses.questions import queries, services
from businesses.questions.models import LONGEST_NAME, LONGEST_QUESTION, Question
from microfund.kernel import clock, limits
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, private, refuse

from .own_pages import page_of
from .templatetags.tomobune import bilingual_filter

QUESTIONS_A_DAY = 5


class QuestionForm(forms.Form):
    """A question; `form_token` makes sending it twice one."""

    name = forms.CharField(
        label=gettext_lazy("The name to show"),
        max_length=LONGEST_NAME,
        help_text=gettext_lazy("Everybody can read it; a first name is enough."),
        widget=forms.TextInput(attrs={"autocomplete": "nickname"}),
    )
    text = forms.CharField(
        label=gettext_lazy("Your question"),
        max_length=LONGEST_QUESTION,
        help_text=gettext_lazy("Everybody can read it. For what is between us alone, write to us."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput)


def _published(slug: str) -> Business:
    return get_object_or_404(businesses.published(), slug=slug)


@form_methods
def questions(request: HttpRequest, slug: str) -> HttpResponse:
    """P7: every question with its answer; to ask one, a visitor logs in first."""
    business = _published(slug)
    form = QuestionForm(initial={"form_token": uuid.uuid4()})
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect(f"{reverse('account_login')}?next={request.path}")
        form = QuestionForm(request.POST)
        answer = _asked(request, business, form)
        if answer is not None:
            return answer
    page = page_of(queries.shown(business, request.user), request.GET.get("page", "1"))
    context = {
        "business": business,
        "page_obj": page,
        "count": page.paginator.count,
        "form": form,
        "suggestions": [
            _("How much of what you sell could you sell again since you reopened?"),
            _("What would you do first with the money, and what last?"),
            _("What could go wrong, and what would you do then?"),
        ],
        "trail": [
            (_("Home"), reverse("home")),
            (bilingual_filter(business, "name"), reverse("businesses:detail", args=[business.slug])),
        ],
    }
    response = render(request, "businesses/questions.html", context, status=REFUSED if form.errors else 200)
    response["Cache-Control"] = "private, no-store"
    return response


def _asked(request: HttpRequest, business: Business, form: QuestionForm) -> HttpResponse | None:
    if not form.is_valid():
        return None
    who = str(request.user.pk)
    if not limits.allowed("questions.ask", who, most=QUESTIONS_A_DAY, seconds=86_400):
        message = _("You have asked %(most)d questions within a day. You can ask again from %(time)s, Japan time.")
        again = limits.words(limits.again_at("questions.ask", who))
        form.add_error("text", message % {"most": QUESTIONS_A_DAY, "time": again})
        return None
    try:
        services.ask(business, asker=request.user, at=clock.now(), **form.cleaned_data)
    except DomainError as error:
        refuse(form, error)
        return None
    messages.success(
        request, _("Your question is on the page, and the business was told. You get a mail with the answer.")
    )
    return redirect("businesses:questions", slug=business.slug)


@require_POST
@login_required
def question_wonder(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """“I wonder too”, once, or take it back (`do=back`)."""
    business = _published(slug)
    found = Question.objects.filter(pk=pk, business=business).exclude(state=Question.State.REMOVED).first()
    if found is None:
        raise Http404
    if request.POST.get("do") == "back":
        services.unwonder(found, request.user)
    else:
        services.wonder(found, request.user, at=clock.now())
    return redirect(f"{reverse('businesses:questions', args=[business.slug])}#question-{found.pk}")


@private
@require_safe
@login_required
def own_questions(request: HttpRequest) -> HttpResponse:
    """I7: what I asked, and what was answered or removed and why."""
    page = page_of(queries.of_asker(request.user), request.GET.get("page", "1"))
    context = {"page_obj": page, "trail": [(_("My account"), reverse("me"))]}
    return render(request, "site/questions.html", context)
