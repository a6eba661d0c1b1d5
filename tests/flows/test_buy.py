"""From a fund's page to a paid order and a holding, through HTTP, against the sandbox."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments.models import Acceptance, Holding, Order, PaymentAttempt
from investments.orders import draft as drafts
from investments.orders import services as orders
from investments.payments import gateway, services, settle
from microfund.kernel.errors import DomainError
from tests import make
from tests.flows.walk import COMPANY, Walker, field_of, title_of
from tests.sandbox_client import SandboxProcess

pytestmark = pytest.mark.django_db


def test_a_visitor_buys_two_units_by_bank_transfer() -> None:
    fund = make.make_fund()
    walk = Walker(fund)
    form = walk.to_check(2, message="応援しています", name_shown="on")
    answer = walk.post("check", form)
    order = walk.order()
    assert answer.status_code == 302
    assert answer["Location"] == walk.url("transfer", order.reference)
    assert (order.units, order.investment, order.donation, order.fee, order.total) == (2, 10_000, 10_000, 1_000, 21_000)
    assert (order.state, order.language) == ("awaiting_payment", "en")
    assert (order.supporter_name_shown, order.supporter_message) == (True, "応援しています")
    assert order.answers["questions"]["can_lose_everything"] is True
    assert order.investor.name_kana == "イトウ ハルカ"
    page = walk.get("transfer", order.reference).content.decode()
    for shown in ("¥21,000", order.payer_code, "Sanriku Bank", "トモブネフアンド", "1234567"):
        assert shown in page


def test_the_sums_can_be_shown_without_javascript_and_without_choosing_anything() -> None:
    walk = Walker(make.make_fund())
    answer = walk.post("units", {"units": "4", "show": "sums"})
    assert answer["Location"] == f"{walk.url('units')}?units=4"
    assert "¥42,000" in walk.client.get(answer["Location"]).content.decode()
    assert "drafts" not in walk.client.session
    page = walk.get("units").content.decode()
    assert page.index("Continue</button>") < page.index('name="show"'), "the Enter key presses the first button"


def test_what_was_accepted_is_kept_with_version_hash_time_and_address() -> None:
    walk = Walker(make.make_fund())
    before = timezone.now()
    walk.post("check", walk.to_check())
    rows = list(Acceptance.objects.filter(order=walk.order()).select_related("document"))
    assert {row.document.kind for row in rows} == {"pre_contract", "risk", "contract"}
    for row in rows:
        assert row.sha256 == row.document.sha256
        assert before < row.accepted_at < row.order.applied_at
        assert row.ip == "192.0.2.7"


def test_the_draft_survives_signing_up(settings) -> None:
    fund = make.make_fund()
    walk = Walker(fund)
    answer = walk.choose(3)
    assert answer["Location"] == walk.url("you")
    sent_to = walk.client.get(answer["Location"])
    assert sent_to["Location"] == f"{reverse('account_login')}?next={walk.url('you')}"
    signup = f"{reverse('account_signup')}?next={walk.url('you')}"
    data = {"email": "new@example.com", "password1": make.PASSWORD, "next": walk.url("you")}
    answer = walk.client.post(signup, data)
    assert answer.status_code == 302, answer.content.decode()
    code = next(word for line in mail.outbox[-1].body.splitlines() for word in [line.strip()] if _is_code(word))
    answer = walk.client.post(answer["Location"], {"code": code})
    assert answer["Location"] == walk.url("you")
    assert walk.profile().status_code == 302
    walk.open_documents()
    walk.post("documents", walk.understanding())
    walk.post("supporter", {})
    walk.post("check", walk.last_form())
    assert walk.order().units == 3


def _is_code(word: str) -> bool:
    return 6 <= len(word) <= 12 and word.replace("-", "").isalnum() and word.upper() == word and not word.isspace()


def test_a_card_payment_is_paid_only_once_the_provider_says_so(sandbox: SandboxProcess) -> None:
    walk = Walker(make.make_fund())
    form = {**walk.to_check(), "method": "card"}
    answer = walk.post("check", form)
    order = walk.order()
    attempt = order.attempts.get()
    assert answer["Location"] == attempt.url and attempt.url.startswith(sandbox.url)
    # Coming back without having paid claims nothing.
    back = walk.client.get(walk.url("return", order.reference), follow=True)
    assert "No payment yet" in title_of(back)
    assert back["Refresh"].startswith("3; url=")
    sandbox.control("pay", session=attempt.session_id, how="card")
    back = walk.client.get(walk.url("return", order.reference), follow=True)
    assert title_of(back).startswith("Paid")
    order.refresh_from_db()
    assert order.state == "paid"


def test_a_payment_that_the_provider_holds_stays_waiting(sandbox: SandboxProcess) -> None:
    walk = Walker(make.make_fund())
    walk.post("check", {**walk.to_check(), "method": "card"})
    order = walk.order()
    attempt = order.attempts.get()
    sandbox.control("pay", session=attempt.session_id, how="hold")
    back = walk.client.get(walk.url("return", order.reference), follow=True)
    assert "We are waiting for the payment provider" in title_of(back)
    assert "Refresh" in back.headers
    assert "Thank you" not in back.content.decode()
    attempt.refresh_from_db()
    sandbox.control("release", payment_intent=attempt.intent_id, outcome="succeed")
    assert title_of(walk.client.get(walk.url("return", order.reference), follow=True)).startswith("Paid")


def test_a_konbini_payment_waits_for_its_own_deadline(sandbox: SandboxProcess) -> None:
    walk = Walker(make.make_fund())
    walk.post("check", {**walk.to_check(), "method": "konbini"})
    order = walk.order()
    sandbox.control("pay", session=order.attempts.get().session_id, how="konbini")
    back = walk.client.get(walk.url("return", order.reference), follow=True)
    assert "convenience store" in title_of(back)
    assert "Refresh" not in back.headers, "nobody looks at a page for two days"


def test_an_unreachable_provider_is_told_and_tried_again_under_the_same_key(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walker(make.make_fund())
    form = {**walk.to_check(), "method": "card"}
    real = gateway.create_session
    keys: list[str] = []

    def away(**values):
        keys.append(values["key"])
        raise gateway.ProviderUnreachable("no answer")

    monkeypatch.setattr(gateway, "create_session", away)
    answer = walk.post("check", form)
    order = walk.order()
    assert answer["Location"] == walk.url("pay", order.reference)
    page = walk.get("pay", order.reference)
    assert title_of(page).startswith("Error:")
    assert "Nothing was charged" in page.content.decode() and "data-error-summary" in page.content.decode()
    monkeypatch.setattr(gateway, "create_session", lambda **values: (keys.append(values["key"]), real(**values))[1])
    answer = walk.post("pay", {}, order.reference)
    attempt = PaymentAttempt.objects.get()
    assert answer["Location"] == attempt.url
    assert keys == [attempt.idempotency_key] * 2


def test_a_get_of_the_pay_page_calls_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Walker(make.make_fund())
    user = walk.log_in()
    order = make.make_order(fund=walk.fund, investor=make.make_investor(user=user), method="card")
    monkeypatch.setattr(gateway, "create_session", lambda **values: pytest.fail("the provider was called"))
    assert walk.get("pay", order.reference).status_code == 200
    assert not order.attempts.exists()


def test_sending_the_last_form_again_is_the_same_order(sandbox: SandboxProcess) -> None:
    walk = Walker(make.make_fund())
    form = {**walk.to_check(), "method": "card"}
    first, again = walk.post("check", form), walk.post("check", form)
    assert first["Location"] == again["Location"]
    assert (Order.objects.count(), PaymentAttempt.objects.count()) == (1, 1)
    sandbox.control("pay", session=PaymentAttempt.objects.get().session_id, how="card")
    settle.settle(PaymentAttempt.objects.get().pk, at=timezone.now())
    late = walk.post("check", form)
    assert late["Location"] == walk.order_url(walk.order())
    assert Order.objects.count() == 1


def test_a_replayed_form_after_the_fund_closed_still_leads_to_its_order() -> None:
    walk = Walker(make.make_fund())
    form = walk.to_check()
    walk.post("check", form)
    walk.fund.counter.closes_at = timezone.now()
    walk.fund.counter.save()
    assert walk.post("check", form)["Location"] == walk.url("transfer", walk.order().reference)


def test_the_token_of_another_person_is_no_way_to_their_order() -> None:
    fund = make.make_fund()
    first, second = Walker(fund), Walker(fund)
    taken = first.to_check()
    first.post("check", taken)
    own = second.to_check(1)
    answer = second.post("check", {**own, "form_token": taken["form_token"]})
    assert answer.status_code == 422
    assert Order.objects.count() == 1


def test_back_on_the_check_page_leads_to_the_order_that_was_made() -> None:
    walk = Walker(make.make_fund())
    walk.post("check", walk.to_check())
    assert walk.get("check")["Location"] == walk.order_url(walk.order())


def test_an_expired_reservation_is_reserved_again_with_the_same_answers() -> None:
    walk = Walker(make.make_fund())
    form = walk.to_check(2, message="頑張って")
    walk.post("check", form)
    order = walk.order()
    late = order.reserved_until + timedelta(minutes=1)
    assert services.expire_due(on=late.date(), at=late)["expired"] == 1
    page = walk.get("check")
    assert order.reference in page.content.decode()
    again = walk.last_form()
    assert again["form_token"] != form["form_token"]
    walk.post("check", again)
    second = Order.objects.exclude(pk=order.pk).get()
    assert (second.units, second.supporter_message, second.state) == (2, "頑張って", "awaiting_payment")


def test_a_further_order_reads_documents_and_questions_again() -> None:
    walk = Walker(make.make_fund())
    walk.post("check", walk.to_check(2))
    assert walk.choose(1).status_code == 302
    assert walk.get("check")["Location"] == walk.url("documents")


def test_an_order_whose_answer_was_lost_does_not_swallow_the_next_one() -> None:
    """The process died between the order's commit and the session's: the session knows of no order."""
    walk = Walker(make.make_fund())
    form = walk.to_check(2)
    before = walk.client.session[drafts.SESSION_KEY]
    walk.post("check", form)
    session = walk.client.session
    session[drafts.SESSION_KEY] = before
    session.save()
    assert walk.get("check")["Location"] == walk.order_url(walk.order())
    assert walk.choose(1).status_code == 302
    assert walk.get("check")["Location"] == walk.url("documents")
    assert walk.client.session[drafts.SESSION_KEY][walk.fund.slug]["token"] != form["form_token"]


def test_a_company_buys() -> None:
    walk = Walker(make.make_fund())
    walk.log_in()
    walk.choose(1)
    page = walk.get("you", kind="company").content.decode()
    assert "Corporate number" in page and "Date of birth" not in page
    assert walk.post("you", COMPANY).status_code == 302
    walk.open_documents()
    walk.post("documents", walk.understanding())
    walk.post("supporter", {})
    walk.post("check", walk.last_form())
    investor = walk.order().investor
    assert (investor.kind, investor.corporate_number, investor.representative) == (
        "company",
        "7000012050002",
        "青葉 一",
    )


def test_the_second_time_the_details_are_only_confirmed() -> None:
    user = make.make_user()
    make.make_investor(user=user)
    walk = Walker(make.make_fund())
    walk.log_in(user)
    walk.choose(1)
    page = walk.get("you").content.decode()
    assert 'name="confirm"' in page and "仙台市青葉区" in page and 'name="name_kana"' not in page
    changing = walk.client.get(walk.url("you") + "?change").content.decode()
    assert field_of(changing, "name_kana") == "イトウ ハルカ" and field_of(changing, "birth_date") == "1986-05-01"
    assert walk.post("you", {"confirm": "yes"})["Location"] == walk.url("documents")


def test_a_japanese_order_is_made_of_the_japanese_documents() -> None:
    walk = Walker(make.make_fund(), language="ja")
    walk.post("check", walk.to_check())
    order = walk.order()
    assert order.language == "ja"
    assert {row.document.language for row in order.acceptances.select_related("document")} == {"ja"}


def test_documents_read_in_one_language_stay_accepted_when_the_page_changes_language() -> None:
    walk = Walker(make.make_fund(), language="ja")
    walk.to_check()
    walk.language = "en"
    walk.post("check", walk.last_form())
    assert walk.order().language == "ja"


def test_from_the_transfer_to_the_holding_page(sandbox: SandboxProcess) -> None:
    walk = Walker(make.make_fund())
    form = {**walk.to_check(3), "method": "card"}
    walk.post("check", form)
    order = walk.order()
    make.verify(order.investor)
    sandbox.control("pay", session=order.attempts.get().session_id, how="card")
    walk.get("return", order.reference)
    order.refresh_from_db()
    over = order.cooling_off_ends_at
    orders.confirm_due(on=over.date(), at=over)
    holding = Holding.objects.get()
    page = walk.client.get(reverse("holding", args=[holding.reference])).content.decode()
    for shown in ("¥31,500", "¥15,000", "¥1,500", "kept for you as a deposit", "donation, set aside for the business"):
        assert shown in page
    for document in walk.documents():
        assert document.sha256 in page
    assert holding.reference in walk.client.get(reverse("me")).content.decode()
    assert holding.reference in walk.client.get(walk.order_url(order)).content.decode()


def test_cancelling_gives_everything_back_and_says_how(sandbox: SandboxProcess) -> None:
    walk = Walker(make.make_fund())
    walk.post("check", {**walk.to_check(), "method": "card"})
    order = walk.order()
    sandbox.control("pay", session=order.attempts.get().session_id, how="card")
    walk.get("return", order.reference)
    page = walk.get("cancel", order.reference).content.decode()
    assert "You get ¥21,000 back, the fee included." in page and "23:59" in page and "the card you paid with" in page
    answer = walk.post("cancel", {}, order.reference)
    assert answer["Location"] == walk.order_url(order)
    page = walk.client.get(answer["Location"]).content.decode()
    assert "This order was cancelled." in page and "¥21,000" in page
    order.refresh_from_db()
    assert (order.state, order.refunds.get().amount) == ("cancelled", 21_000)
    # Sending it again is told as it is and refunds nothing twice.
    assert walk.post("cancel", {}, order.reference).status_code == 302
    assert order.refunds.count() == 1


def test_after_cooling_off_the_cancel_page_says_since_when(sandbox: SandboxProcess, monkeypatch) -> None:
    walk = Walker(make.make_fund())
    walk.post("check", {**walk.to_check(), "method": "card"})
    order = walk.order()
    sandbox.control("pay", session=order.attempts.get().session_id, how="card")
    walk.get("return", order.reference)
    order.refresh_from_db()
    monkeypatch.setattr(timezone, "now", lambda: order.cooling_off_ends_at - timedelta(seconds=1))
    assert b"button--danger" in walk.get("cancel", order.reference).content
    monkeypatch.setattr(timezone, "now", lambda: order.cooling_off_ends_at)
    page = walk.get("cancel", order.reference)
    assert "Cooling-off ended at 23:59" in page.content.decode() and b"button--danger" not in page.content
    refused = walk.post("cancel", {}, order.reference)
    assert refused.status_code == 409 and title_of(refused).startswith("Error:")
    assert "support@tomobune.example" in refused.content.decode()
    order.refresh_from_db()
    assert order.state == "paid"


@pytest.mark.parametrize("code", ["extensions", "refused"])
def test_a_payment_that_cannot_begin_is_told_on_the_order_page(code: str, monkeypatch) -> None:
    walk = Walker(make.make_fund())
    form = {**walk.to_check(), "method": "card"}

    def refuse(order, *, at):
        raise DomainError(code, "This is why.")

    monkeypatch.setattr(services, "start_payment", refuse)
    answer = walk.client.post(walk.url("check"), form, follow=True)
    assert "This is why." in answer.content.decode()
    assert walk.order().state == "reserved"


def test_two_browsers_race_for_the_last_unit_and_the_loser_is_told() -> None:
    fund = make.make_fund(units_offered=5)
    first, second = Walker(fund, Client()), Walker(fund, Client())
    form, other = first.to_check(1), second.to_check(1)
    make.make_order(fund=fund, units=4, method="card")
    fund.counter.refresh_from_db()
    first.post("check", {**form, "method": "card"})
    answer = second.post("check", {**other, "method": "card"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Only 0 units are left" in text or "No units" in text
    fund.counter.refresh_from_db()
    assert fund.counter.reserved == 5
