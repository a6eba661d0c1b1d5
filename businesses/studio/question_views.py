"""The questions that a business is asked (pages.md O4): answer, mend an answer, put one first."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from businesses.questions import queries, services
from businesses.questions.models import LONGEST_ANSWER, Question
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, row_id

from .access import Desk, studio

SHOWN = 50


class AnswerForm(forms.Form):
    """The answer, in the language of the question."""

    answer = forms.CharField(
        label=gettext_lazy("Your answer"),
        help_text=gettext_lazy("Everybody can read it. Write in the language of the question."),
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=LONGEST_ANSWER,
        strip=True,
    )


@studio()
@form_methods
def question_list(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O4: what waits for an answer, the oldest first, and what was answered. A form of its own for each question, so
    that what is wrong with one answer leaves the others alone."""
    sent = request.POST.get("question", "") if request.method == "POST" else ""
    form = None
    if request.method == "POST":
        row = (
            Question.objects.filter(pk=row_id(sent), business=desk.business)
            .exclude(state=Question.State.REMOVED)
            .first()
        )
        if row is None:
            raise Http404
        form = AnswerForm(request.POST, prefix=f"q{row.pk}")
        if _done(request, row, form):
            return redirect("studio:questions", slug=desk.business.slug)
    waiting = list(queries.to_answer(desk.business)[:SHOWN])
    answered = list(
        Question.objects.filter(business=desk.business, state=Question.State.ANSWERED).order_by("-answered_at")[:SHOWN]
    )

    def form_of(row: Question) -> AnswerForm:
        if form is not None and sent == str(row.pk) and form.is_bound:
            return form
        return AnswerForm(prefix=f"q{row.pk}", initial={"answer": row.answer})

    context = {
        **desk.context(),
        "waiting": [(row, form_of(row)) for row in waiting],
        "answered": [(row, form_of(row)) for row in answered],
        "form": form,
    }
    return render(request, "studio/questions.html", context, status=REFUSED if form and form.errors else 200)


def _done(request: HttpRequest, row: Question, form: AnswerForm) -> bool:
    """Do what the button asks for; False when something is to be mended."""
    at, do = clock.now(), request.POST.get("do", "answer")
    try:
        if do in ("pick", "unpick"):
            services.pick(row, picked=do == "pick", actor=request.user, at=at)
        elif not form.is_valid():
            return False
        else:
            services.answer(row, form.cleaned_data["answer"], actor=request.user, at=at)
    except DomainError as error:
        messages.error(request, str(error))
        return True
    messages.success(request, _("Saved."))
    return True
