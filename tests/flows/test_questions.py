"""Questions to a business: asked in public, wondered about, answered from the studio, removed by staff (P7, O4, I7)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from businesses.models import Business, Question, Wonder
from businesses.questions import services
from microfund.kernel import limits
from microfund.kernel.errors import DomainError
from tests import make
from tests.copies import counted_queries
from tests.investments.test_mails import both_parts_say, check, mails_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make.make_business()


def browser(user: Any = None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def page_of(business: Business) -> str:
    return reverse("businesses:questions", args=[business.slug])


def asked(business: Business, text: str = "When do you reopen?", **values: Any) -> Question:
    given = {"asker": make.make_user(), "name": "Mei", "form_token": uuid.uuid4(), "at": timezone.now(), **values}
    return services.ask(business, text=text, **given)


def form(**values: object) -> dict[str, object]:
    return {"name": "Mei", "text": "When do <b>you</b> reopen?", "form_token": uuid.uuid4(), **values}


def test_a_question_is_asked_in_public_once_and_the_business_is_told(business: Business) -> None:
    member = make.make_member(business)
    here = page_of(business)
    page = browser().get(here).content.decode()
    assert "Nobody has asked anything yet" in page and "Sign in to ask" in page
    assert browser().post(here, form()).status_code == 302 and not Question.objects.exists()
    client, data = browser(make.make_user()), form()
    for _time in range(2):
        text = client.post(here, data, follow=True).content.decode()
    assert "When do &lt;b&gt;you&lt;/b&gt; reopen?" in text and "the business was told" in text
    assert Question.objects.count() == 1
    told = mails_of("question_asked")
    assert [notice.recipient for notice in told] == [member.email]
    check(told[0])
    for wrong in (form(text=" "), form(name=""), form(text="x" * 601)):
        assert client.post(here, wrong).status_code == 422


def test_there_is_an_end_to_the_questions_of_a_day(business: Business) -> None:
    client = browser(make.make_user())
    answers = [client.post(page_of(business), form(text=f"Question {number}?")) for number in range(6)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [422]
    page = answers[-1].content.decode()
    # By the field, with the hour of the day after.
    again = limits.words(limits.full_minute(timezone.now() + timedelta(days=1)))
    assert 'id="id_text_error"' in page and f"You can ask again from {again}, Japan time." in page
    assert "Question 5?" in page, "what was typed stays"


def test_others_wonder_too_once_each(business: Business) -> None:
    question = asked(business)
    other = make.make_user()
    act = reverse("businesses:question_wonder", args=[business.slug, question.pk])
    client = browser(other)
    for _time in range(2):
        client.post(act)
    browser(question.asker).post(act)
    assert Wonder.objects.count() == 1
    assert "1 person wonders too" in " ".join(client.get(page_of(business)).content.decode().split())
    client.post(act, {"do": "back"})
    assert not Wonder.objects.exists()
    assert browser().post(act).status_code == 302
    elsewhere = reverse("businesses:question_wonder", args=[make.make_business().slug, question.pk])
    assert client.post(elsewhere).status_code == 404


def test_the_answer_reaches_who_asked_and_who_wondered(business: Business) -> None:
    question, other = asked(business), make.make_user()
    services.wonder(question, other, at=timezone.now())
    owner = browser(make.make_member(business))
    assert "A question waits: When do you reopen?" in owner.get(reverse("studio:home")).content.decode()
    desk = reverse("studio:questions", args=[business.slug])
    assert "When do you reopen?" in owner.get(desk).content.decode()
    empty = owner.post(desk, {"question": question.pk, f"q{question.pk}-answer": " ", "do": "answer"})
    assert empty.status_code == 422
    owner.post(desk, {"question": question.pk, f"q{question.pk}-answer": "In May & not before.", "do": "answer"})
    text = browser().get(page_of(business)).content.decode()
    assert "In May &amp; not before." in text
    told = mails_of("question_answered")
    assert {notice.recipient for notice in told} == {question.asker.email, other.email}
    both_parts_say(told[0], "In May & not before.")
    assert (
        "In May &amp; not before." in browser().get(reverse("businesses:detail", args=[business.slug])).content.decode()
    )
    # Mended without another mail; put first; found among one's own.
    owner.post(desk, {"question": question.pk, f"q{question.pk}-answer": "In June.", "do": "answer"})
    owner.post(desk, {"question": question.pk, "do": "pick"})
    question.refresh_from_db()
    assert (question.answer, question.picked) == ("In June.", True)
    assert len(mails_of("question_answered")) == 2
    assert "In June." in browser(question.asker).get(reverse("own_questions")).content.decode()


def test_only_its_members_answer_and_nobody_answers_anothers(business: Business) -> None:
    question = asked(business)
    desk = reverse("studio:questions", args=[business.slug])
    assert browser(make.make_user()).get(desk).status_code == 404
    other = make.make_business()
    member = browser(make.make_member(other))
    mine = reverse("studio:questions", args=[other.slug])
    assert member.post(mine, {"question": question.pk, f"q{question.pk}-answer": "x"}).status_code == 404


def test_a_removed_question_is_gone_but_for_who_asked(business: Business) -> None:
    question = asked(business)
    with pytest.raises(DomainError):
        services.remove(question, actor=make.make_user(is_staff=True), at=timezone.now(), reason=" ")
    services.remove(question, actor=make.make_user(is_staff=True), at=timezone.now(), reason="It names a neighbour.")
    assert "When do you reopen?" not in browser().get(page_of(business)).content.decode()
    assert "It names a neighbour." in browser(question.asker).get(reverse("own_questions")).content.decode()
    with pytest.raises(DomainError):
        services.answer(question, "Late.", actor=make.make_user(), at=timezone.now())


def test_a_draft_takes_no_questions_and_many_cost_as_much_as_few(business: Business) -> None:
    draft = make.make_business(state="draft")
    assert browser().get(page_of(draft)).status_code == 404
    with pytest.raises(DomainError):
        asked(draft)
    client = browser(make.make_user())

    def queries() -> int:
        with counted_queries() as made:
            client.get(page_of(business))
        return len(made)

    asked(business)
    queries()
    few = queries()
    for number in range(20):
        asked(business, f"Number {number}?")
    assert queries() == few
