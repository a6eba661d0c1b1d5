"""What people and machines send that they should not: a clear answer each time, and nothing is lost."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from investments.investors import identity
from investments.models import Order
from investments.offerings import documents
from investments.offerings import services as offerings
from investments.offerings.questions import QUESTIONS
from investments.payments import views
from microfund.kernel import clock
from tests import make
from tests.flows.walk import COMPANY, PERSON, Walker, field_of, title_of

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"
PRIVATE = {"private", "no-store"}


def assert_refused(answer, *words: str) -> str:
    """An error page: focused summary, a title that says so, and the words."""
    text = answer.content.decode()
    assert answer.status_code == 422
    assert title_of(answer).startswith("Error:")
    assert "data-error-summary" in text and "autofocus" in text
    for word in words:
        assert word in text, word
    return text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("-1", "Choose at least one unit."),
        ("0", "Choose at least one unit."),
        ("2.5", "Enter a whole number, like 2."),
        ("1e3", "Enter a whole number, like 2."),
        ("two", "Enter a whole number, like 2."),
        ("", "Enter the number of units."),
        (SCRIPT, "Enter a whole number, like 2."),
        ("50", "At most 49 units can be bought at once."),
        ("9" * 30, "At most 49 units can be bought at once."),
        ("9" * 5000, "Enter a whole number, like 2."),
    ],
)
def test_units_that_are_no_units_are_told(typed: str, told: str) -> None:
    walk = Walker(make.make_fund())
    text = assert_refused(walk.choose(typed), told)
    assert SCRIPT not in text
    assert "drafts" not in walk.client.session
    assert_refused(walk.get("units", units=typed), told)


def test_full_width_digits_are_digits() -> None:
    walk = Walker(make.make_fund())
    assert walk.choose("２").status_code == 302


def test_more_than_is_left_offers_what_is_left() -> None:
    walk = Walker(make.make_fund(units_offered=3))
    text = assert_refused(walk.choose(5), "Only 3 units are left.", "Take 3 units")
    assert field_of(text, "units") == "5"
    assert walk.choose(3).status_code == 302


def test_over_the_cap_says_what_is_held_and_offers_the_rest() -> None:
    fund = make.make_fund()
    user = make.make_user()
    make.make_order(fund=fund, investor=make.make_investor(user=user), units=40)
    walk = Walker(fund)
    walk.log_in(user)
    assert_refused(walk.choose(10), "You hold 40 of at most 49 units of this fund.", "Take 9 units")
    make.make_order(fund=fund, investor=user.investor, units=9)
    page = walk.get("units").content.decode()
    assert "You have all the units that one person may hold" in page and "Continue</button>" not in page


def test_the_yearly_limit_in_a_business_is_told_in_yen() -> None:
    business = make.make_business()
    user = make.make_user()
    investor = make.make_investor(user=user)
    first = make.make_fund(business=business, investment=10_000, donation=10_000)
    second = make.make_fund(business=business, investment=10_000, donation=10_000)
    make.make_order(fund=first, investor=investor, units=48)
    walk = Walker(second)
    walk.log_in(user)
    assert_refused(walk.choose(3), "¥500,000", "¥480,000", "Take 2 units")
    make.make_order(fund=second, investor=investor, units=2)
    assert "You have reached the yearly limit for this business" in walk.get("units").content.decode()


def test_a_sold_out_fund_says_so_and_offers_no_form() -> None:
    fund = make.make_fund(units_offered=2)
    make.make_order(fund=fund, units=2, method="card")
    walk = Walker(fund)
    page = walk.get("units").content.decode()
    assert "No units are left at the moment" in page and "Continue</button>" not in page
    assert_refused(walk.choose(1))


@pytest.mark.parametrize("step", ["units", "you", "documents", "supporter", "check"])
def test_a_closed_fund_answers_each_step_clearly(step: str) -> None:
    walk = Walker(make.make_fund())
    form = walk.to_check()
    walk.fund.counter.closes_at = timezone.now() - timedelta(seconds=1)
    walk.fund.counter.save()
    for answer in (walk.get(step), walk.post(step, {**form, "units": 1, "confirm": "yes"})):
        assert answer.status_code == 410
        assert "nothing was charged" in answer.content.decode()
    assert not Order.objects.exists()


def test_a_fund_that_is_not_open_yet_says_when() -> None:
    answer = Walker(make.make_fund(state="scheduled")).get("units")
    assert answer.status_code == 200 and "Not open yet" in title_of(answer)


@pytest.mark.parametrize("state", ["draft", "in_review"])
def test_a_fund_that_nobody_may_see_answers_like_an_unknown_one(state: str) -> None:
    fund = make.make_fund(state=state)
    hidden = Walker(fund).get("units")
    unknown = Client().get("/fund/no-such-fund/units/")
    assert hidden.status_code == unknown.status_code == 404
    assert fund.name_en not in hidden.content.decode()


def test_steps_cannot_be_jumped_over() -> None:
    walk = Walker(make.make_fund())
    walk.log_in()
    for step in ("you", "documents", "supporter", "check"):
        assert walk.get(step)["Location"] == walk.url("units")
    walk.choose(1)
    for step in ("documents", "supporter", "check"):
        assert walk.get(step)["Location"] == walk.url("you")
        assert walk.post(step, {})["Location"] == walk.url("you")
    walk.profile()
    for step in ("supporter", "check"):
        assert walk.get(step)["Location"] == walk.url("documents")


def test_a_visitor_without_an_account_is_sent_to_log_in_with_the_way_back() -> None:
    walk = Walker(make.make_fund())
    for step in ("you", "documents", "supporter", "check"):
        assert walk.get(step)["Location"].endswith(f"?next={walk.url(step)}")


def test_scripts_in_every_text_field_are_refused_or_shown_as_text() -> None:
    walk = Walker(make.make_fund())
    walk.log_in()
    walk.choose(1)
    fields = ("name", "name_kana", "postal_code", "city", "street", "building", "phone")
    text = assert_refused(walk.profile(**dict.fromkeys(fields, SCRIPT)))
    assert SCRIPT not in text and text.count("&lt;script&gt;") >= len(fields)
    walk.profile()
    walk.open_documents()
    walk.post("documents", walk.understanding())
    walk.post("supporter", {"message": f"{SCRIPT}\x00\u202e ok"})
    walk.post("supporter", {"message": f"{SCRIPT}\u202e ok"})
    page = walk.get("check").content.decode()
    assert SCRIPT not in page and "&lt;script&gt;alert(1)&lt;/script&gt; ok" in page
    walk.post("check", walk.last_form())
    page = walk.client.get(walk.order_url(walk.order())).content.decode()
    assert SCRIPT not in page and "\u202e" not in page


def test_a_long_message_is_refused_and_kept_on_the_page() -> None:
    walk = Walker(make.make_fund())
    walk.to_check()
    text = assert_refused(walk.post("supporter", {"message": "あ" * 201}))
    assert "あ" * 201 in text


def test_a_minor_is_refused_with_the_reason_and_keeps_what_was_typed() -> None:
    walk = Walker(make.make_fund())
    walk.log_in()
    walk.choose(1)
    text = assert_refused(walk.profile(birth_date="2015-01-01"), "at least 18 years old")
    assert field_of(text, "name") == PERSON["name"]
    assert_refused(walk.profile(birth_date="2031-13-45"))
    assert_refused(walk.profile(prefecture="Atlantis"))


def test_a_made_up_kind_of_investor_is_taken_for_a_person() -> None:
    walk = Walker(make.make_fund())
    walk.log_in()
    walk.choose(1)
    assert "Date of birth" in walk.get("you", kind="robot").content.decode()


def test_documents_must_be_opened_before_they_are_accepted() -> None:
    walk = Walker(make.make_fund())
    walk.log_in()
    walk.choose(1)
    walk.profile()
    assert_refused(walk.post("documents", walk.understanding()), "Please open the")
    first, *rest = walk.documents()
    for document in rest:
        walk.client.get(walk.url("open_document", walk.fund.slug, document.pk))
    text = assert_refused(walk.post("documents", walk.understanding()), f"document_{first.pk}")
    assert text.count("Please open the") == 2, "once in the summary, once at the field"
    answer = walk.client.get(walk.url("open_document", walk.fund.slug, first.pk))
    assert answer["Location"].endswith(f"/businesses/{walk.fund.business.slug}/documents/{first.sha256}/")
    assert walk.post("documents", walk.understanding()).status_code == 302


def test_a_document_of_another_fund_is_not_opened_here() -> None:
    walk, other = Walker(make.make_fund()), Walker(make.make_fund())
    walk.log_in()
    answer = walk.client.get(walk.url("open_document", walk.fund.slug, other.documents()[0].pk))
    assert answer.status_code == 404


def test_nothing_is_ticked_beforehand_and_each_consent_is_needed() -> None:
    walk = Walker(make.make_fund())
    walk.log_in()
    walk.choose(1)
    walk.profile()
    walk.open_documents()
    page = walk.get("documents").content.decode()
    assert "checked" not in page
    for name in ("donation", "electronic", "no_crime", f"document_{walk.documents()[0].pk}"):
        assert_refused(walk.post("documents", walk.understanding(**{name: None})))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_a_wrong_answer_is_explained_and_may_be_given_again(question) -> None:
    walk = Walker(make.make_fund())
    walk.log_in()
    walk.choose(1)
    walk.profile()
    walk.open_documents()
    wrong = {f"question_{question.key}": "false" if question.answer else "true"}
    explained = question.explained(walk.fund.policy)
    text = assert_refused(walk.post("documents", walk.understanding(**wrong)), "Not quite.")
    assert explained.replace("'", "&#x27;") in text
    assert text.count("Not quite.") == 2, "only the wrong one is spoken about"
    assert_refused(walk.post("documents", walk.understanding(**{f"question_{question.key}": "perhaps"})))
    assert walk.post("documents", walk.understanding()).status_code == 302
    walk.post("supporter", {})
    walk.post("check", walk.last_form())
    assert walk.order().answers["tries"] == 3


def test_new_documents_are_read_again_before_an_order_is_made() -> None:
    walk = Walker(make.make_fund())
    form = walk.to_check(2)
    old = offerings.current_terms(walk.fund)
    old.pk, old.version, old.frozen_at, old.reason = None, 2, timezone.now(), "A clearer sentence"
    old.save()
    documents.write(walk.fund, old, at=timezone.now())
    assert walk.post("check", form)["Location"] == walk.url("documents")
    assert not Order.objects.exists()


def test_two_tabs_of_one_fund_never_order_what_was_not_shown() -> None:
    walk = Walker(make.make_fund())
    shown_two = walk.to_check(2)
    walk.choose(5)
    text = assert_refused(walk.post("check", shown_two), "changed in another window", "¥52,500")
    assert not Order.objects.exists()
    # What the page shows now can be sent at once.
    again = {"form_token": field_of(text, "form_token"), "shown": field_of(text, "shown"), "method": "bank_transfer"}
    walk.post("check", again)
    assert walk.order().units == 5


def test_two_tabs_of_two_funds_do_not_touch_one_another() -> None:
    client = Client()
    first, second = Walker(make.make_fund(), client), Walker(make.make_fund(), client)
    form = first.to_check(2, message="one")
    second.choose(7)
    second.post("you", {"confirm": "yes"})
    second.open_documents()
    second.post("documents", second.understanding())
    second.post("supporter", {"message": "two"})
    first.post("check", form)
    second.post("check", second.last_form())
    assert (first.order().units, first.order().supporter_message) == (2, "one")
    assert (second.order().units, second.order().supporter_message) == (7, "two")


@pytest.mark.parametrize(
    "changes",
    [
        {"form_token": "not-a-uuid"},
        {"form_token": ""},
        {"form_token": "00000000-0000-0000-0000-000000000000"},
        {"shown": "0" * 16},
        {"shown": ""},
        {"method": "cash"},
        {"method": ""},
    ],
)
def test_a_last_form_that_was_tampered_with_orders_nothing(changes: dict[str, str]) -> None:
    walk = Walker(make.make_fund())
    form = walk.to_check()
    assert_refused(walk.post("check", {**form, **changes}))
    assert not Order.objects.exists()
    assert walk.post("check", form).status_code == 302


def test_fields_that_the_form_does_not_have_change_nothing() -> None:
    walk = Walker(make.make_fund())
    form = walk.to_check(1)
    walk.post("check", {**form, "units": "49", "total": "1", "investor": "1", "state": "paid", "donation": "0"})
    order = walk.order()
    assert (order.units, order.total, order.state) == (1, 10_500, "awaiting_payment")


def test_konbini_is_not_offered_above_its_maximum_and_says_why() -> None:
    walk = Walker(make.make_fund())
    form = walk.to_check(29)
    page = walk.get("check").content.decode()
    assert "Convenience stores take at most ¥300,000." in page
    assert_refused(walk.post("check", {**form, "method": "konbini"}), "not offered for this order")


def test_a_transfer_that_could_end_after_closing_is_not_offered() -> None:
    today = clock.today_in()
    walk = Walker(make.make_fund(closes_on=today + timedelta(days=1)))
    form = walk.to_check(1)
    assert "It could end after the fund closes." in walk.get("check").content.decode()
    assert_refused(walk.post("check", form))


def test_a_used_up_share_of_delayed_payments_says_so() -> None:
    fund = make.make_fund(units_offered=20)
    walk = Walker(fund)
    form = walk.to_check(3)
    make.make_order(fund=fund, units=3, method="bank_transfer")
    reason = "The units that may wait for such a payment are taken."
    assert_refused(walk.post("check", form), "not offered for this order", reason, "Apply and pay")
    assert reason in walk.get("check").content.decode()
    assert Order.objects.count() == 1


def test_a_share_that_is_used_up_in_the_last_moment_says_how_to_pay_instead(monkeypatch) -> None:
    fund = make.make_fund(units_offered=20)
    walk = Walker(fund)
    form = walk.to_check(3)
    real = views._place

    def after_a_rival(*arguments, **options):
        make.make_order(fund=fund, units=3, method="bank_transfer")
        return real(*arguments, **options)

    monkeypatch.setattr(views, "_place", after_a_rival)
    assert_refused(walk.post("check", form), "Please pay by card", "Apply and pay")
    assert Order.objects.count() == 1


def test_units_sold_while_choosing_are_told_with_what_is_left() -> None:
    fund = make.make_fund(units_offered=50)
    walk = Walker(fund)
    form = walk.to_check(5)
    make.make_order(fund=fund, units=47, method="card")
    assert_refused(walk.post("check", form), "Only 3 units are left.", "Take 3 units")
    assert walk.choose(3)["Location"] == walk.url("you")
    walk.post("check", walk.last_form())
    assert Order.objects.latest("pk").units == 3


def test_a_rejected_person_corrects_their_details_before_anything_else() -> None:
    user = make.make_user()
    investor = make.make_investor(user=user, verified=False)
    identity.reject_identity(
        investor, actor=make.make_user(is_staff=True), at=timezone.now(), reason="picture unreadable"
    )
    walk = Walker(make.make_fund())
    walk.log_in(user)
    walk.choose(1)
    page = walk.get("you").content.decode()
    assert "could not be confirmed" in page and 'name="confirm"' not in page and "picture unreadable" not in page
    assert walk.post("you", {"confirm": "yes"}).status_code == 422
    assert walk.profile(name="伊藤 春香").status_code == 302
    investor.refresh_from_db()
    assert investor.identity_state == "submitted"


def test_a_person_with_orders_is_not_turned_into_a_company() -> None:
    fund = make.make_fund()
    user = make.make_user()
    make.make_order(fund=fund, investor=make.make_investor(user=user))
    walk = Walker(fund)
    walk.log_in(user)
    walk.choose(1)
    assert_refused(walk.post("you", COMPANY), "Please open another account")


def test_every_page_of_the_flow_is_kept_by_no_cache() -> None:
    walk = Walker(make.make_fund())
    walk.to_check()
    for step in ("units", "you", "documents", "supporter", "check"):
        assert set(walk.get(step)["Cache-Control"].split(", ")) >= PRIVATE, step
    walk.post("check", walk.last_form())
    reference = walk.order().reference
    for step in ("pay", "return", "transfer", "cancel"):
        assert set(walk.get(step, reference)["Cache-Control"].split(", ")) >= PRIVATE, step


def test_forms_need_their_token_against_forgery() -> None:
    fund = make.make_fund()
    client = Client(enforce_csrf_checks=True)
    assert Walker(fund, client).choose(1).status_code == 403


@pytest.mark.parametrize("step", ["units", "you", "documents", "supporter", "check"])
def test_other_methods_are_refused(step: str) -> None:
    walk = Walker(make.make_fund())
    walk.log_in()
    assert walk.client.delete(walk.url(step)).status_code == 405
