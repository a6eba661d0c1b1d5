"""The mails about questions (pages.md 2.6, E13): the business hears of a question, whoever asked of the answer, and
who wondered the same as well. Once each, in the language of their account."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from businesses.events import QuestionAnswered, QuestionAsked
from businesses.members import members_of
from microfund.kernel.notices import choices
from microfund.kernel.notices.letters import Letter, to_user
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import subscribe

from .models import Question


def register() -> None:
    """Subscribe; called once when the app is ready."""
    subscribe(QuestionAsked, question_asked)
    subscribe(QuestionAnswered, question_answered)
    choices.declare_optional(
        "question_answered",
        gettext_lazy("An answer to a question that I asked or wondered about"),
        gettext_lazy("The answer always stands on the page of the business as well."),
    )


def question_asked(event: QuestionAsked) -> None:
    """To every active member of the business."""
    question = Question.objects.select_related("business").get(pk=event.question_id)

    def letter() -> Letter:
        words = {"name": question.name, "business": name_of(question.business)}
        return Letter(
            subject=_("%(name)s asks %(business)s a question") % words,
            paragraphs=[_("A question stands on the page of %(business)s.") % words],
            quoted=_("%(name)s asks:") % words,
            quote=question.text,
            button=_("Answer it"),
            url=link("studio:questions", question.business.slug),
        )

    for member in members_of(question.business).filter(user__is_active=True):
        key = f"question_asked:{question.pk}:{member.user.pk}"
        to_user("question_asked", member.user, letter, key=key, at=event.at)


def question_answered(event: QuestionAnswered) -> None:
    """To whoever asked, and to those who wondered the same."""
    question = Question.objects.select_related("business", "asker").get(pk=event.question_id)

    def letter() -> Letter:
        return Letter(
            subject=_("%(business)s has answered") % {"business": name_of(question.business)},
            paragraphs=[_("You asked, or wondered too: %(text)s") % {"text": question.text}],
            quoted=_("The answer:"),
            quote=question.answer,
            button=_("All questions"),
            url=link("businesses:questions", question.business.slug),
        )

    users = [question.asker, *(row.user for row in question.wonders.select_related("user").order_by("pk"))]
    for user in users:
        if user.is_active:
            key = f"question_answered:{question.pk}:{user.pk}"
            to_user("question_answered", user, letter, key=key, at=event.at)
