"""The draft of an application: plain values in the session, one for each fund."""

import json

import pytest
from django.contrib.sessions.backends.cache import SessionStore
from django.http import HttpRequest

from investments.offerings import questions
from investments.offerings.models import Terms
from investments.orders import draft as drafts
from investments.policy.models import PolicyProfile


def request_with(session: SessionStore) -> HttpRequest:
    request = HttpRequest()
    request.session = session
    return request


@pytest.fixture
def request_() -> HttpRequest:
    return request_with(SessionStore())


def terms(**values) -> Terms:
    return Terms(**{"pk": 1, "investment": 5_000, "donation": 5_000, "fee": 500, "units_offered": 10, **values})


def test_a_draft_comes_back_as_it_was_kept(request_: HttpRequest) -> None:
    draft = drafts.load(request_, "oysters")
    draft.units, draft.supporter = 3, {"name_shown": True, "message": "頑張って"}
    drafts.save(request_, draft)
    assert drafts.load(request_, "oysters") == draft
    assert json.loads(json.dumps(request_.session[drafts.SESSION_KEY])) == request_.session[drafts.SESSION_KEY]


def test_the_token_is_made_once(request_: HttpRequest) -> None:
    drafts.save(request_, drafts.load(request_, "oysters"))
    assert drafts.load(request_, "oysters").token == drafts.load(request_, "oysters").token


def test_the_oldest_drafts_are_dropped(request_: HttpRequest) -> None:
    for number in range(drafts.MOST + 3):
        drafts.save(request_, drafts.Draft(slug=f"fund-{number}", units=1))
    drafts.save(request_, drafts.load(request_, "fund-3"))
    kept = list(request_.session[drafts.SESSION_KEY])
    assert len(kept) == drafts.MOST
    assert kept[-1] == "fund-3" and "fund-2" not in kept


def test_a_draft_of_an_older_version_of_the_code_is_still_read(request_: HttpRequest) -> None:
    request_.session[drafts.SESSION_KEY] = {"oysters": {"slug": "oysters", "units": 2, "gone": "x"}}
    assert drafts.load(request_, "oysters").units == 2


@pytest.mark.parametrize(
    "change",
    [
        {"units": 3},
        {"language": "ja"},
        {"supporter": {"name_shown": True, "message": ""}},
        {"accepted": [{"id": 1, "sha256": "b", "at": "2026-01-01T00:00:00+00:00", "ip": None}]},
        {"investor_id": 9},
    ],
)
def test_the_fingerprint_sees_every_change_of_what_was_shown(change: dict) -> None:
    draft = drafts.Draft(slug="oysters", units=2, language="en", investor_id=4)
    before = draft.fingerprint(terms())
    assert before == draft.fingerprint(terms())
    for name, value in change.items():
        setattr(draft, name, value)
    assert draft.fingerprint(terms()) != before


def test_the_fingerprint_sees_another_price_or_version_of_the_terms() -> None:
    draft = drafts.Draft(slug="oysters", units=2)
    seen = {draft.fingerprint(terms()), draft.fingerprint(terms(pk=2)), draft.fingerprint(terms(fee=600))}
    assert len(seen) == 3


def test_a_renewed_draft_keeps_its_answers_under_a_new_token() -> None:
    draft = drafts.Draft(slug="oysters", units=2, language="en")
    token = draft.token
    draft.renew()
    assert draft.token != token
    assert (draft.units, draft.language) == (2, "en")


def test_a_further_application_begins_with_nothing_accepted() -> None:
    accepted = [{"id": 1, "sha256": "a", "at": "2026-01-01T00:00:00+00:00", "ip": None}]
    draft = drafts.Draft(slug="oysters", units=2, language="en", accepted=accepted, investor_id=4, tries=2)
    token = draft.token
    draft.start_again(5)
    assert (draft.units, draft.investor_id, draft.accepted, draft.tries) == (5, 4, [], 0)
    assert draft.token != token and draft.supporter is None


# --- The five statements ------------------------------------------------------------------------------------------


def test_there_are_five_statements_with_both_answers_and_an_explanation_each() -> None:
    assert len(questions.QUESTIONS) == 5
    assert {question.answer for question in questions.QUESTIONS} == {True, False}
    policy = PolicyProfile(cooling_off_days=8)
    for question in questions.QUESTIONS:
        assert question.said(policy) and question.explained(policy)
        assert "%(" not in question.said(policy) + question.explained(policy)
    assert "8 days" in questions.QUESTIONS[-1].said(policy)


def test_a_missing_answer_is_wrong_and_all_right_ones_leave_nothing() -> None:
    right = {question.key: question.answer for question in questions.QUESTIONS}
    assert questions.wrong(right) == []
    assert questions.wrong({}) == list(questions.QUESTIONS)
    first = questions.QUESTIONS[0]
    assert questions.wrong({**right, first.key: not first.answer}) == [first]
