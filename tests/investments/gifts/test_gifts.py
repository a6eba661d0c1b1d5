"""A gift from its payment to whose contract it is: services, sweeps, mails."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from investments.gifts import services as gifts
from investments.models import Acceptance, Fund, Gift, Holding, Investor, Order, PersonBusiness, PersonFund, Refund
from investments.offerings import services as offerings
from investments.orders import services as orders
from investments.orders.giving import Wish
from investments.payments import services as payments
from microfund.kernel import clock, integrity
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.services import dispatch
from tests import make

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=clock.UTC)
TODAY = date(2026, 7, 1)


def given(*, fund: Fund | None = None, giver: Investor | None = None, wish: Wish = make.WISH, **values: Any) -> Gift:
    """A gift that was paid a moment after it was applied for."""
    fund = fund or make.make_fund(on=TODAY, units_minimum=0)
    order = make.make_order(fund=fund, investor=giver or _person(), method="card", at=NOW, gift=wish, **values)
    with transaction.atomic():
        assert orders.mark_paid(order, at=NOW) == "sold"
    dispatch()  # that it is paid, which sends it
    dispatch()
    return fresh(Gift.objects.get(order=order))


def fresh(gift: Gift) -> Gift:
    return Gift.objects.select_related("order__fund__policy", "order__investor", "order__payer").get(pk=gift.pk)


def _person(**values: Any) -> Investor:
    return make.make_investor(at=NOW, **values)


def mails(kind: str) -> list[str]:
    return list(Notice.objects.filter(kind=kind).order_by("pk").values_list("recipient", flat=True))


def refusal(act: Any, *arguments: Any, **values: Any) -> str:
    with pytest.raises(DomainError) as caught:
        act(*arguments, **values)
    return caught.value.code


def counters(fund: Fund) -> tuple[dict[int, int], dict[int, int]]:
    units = dict(PersonFund.objects.filter(fund=fund).values_list("investor_id", "units"))
    yen = dict(PersonBusiness.objects.filter(business=fund.business).values_list("investor_id", "invested"))
    return units, yen


def test_the_receiver_is_written_to_once_it_is_paid_and_not_before() -> None:
    fund = make.make_fund(on=TODAY)
    order = make.make_order(fund=fund, method="card", at=NOW, gift=make.WISH)
    dispatch()
    assert mails("gift_offered") == []
    with transaction.atomic():
        orders.mark_paid(order, at=NOW)
    dispatch()
    dispatch()
    assert mails("gift_offered") == ["umi@example.com"]
    notice = Notice.objects.get(kind="gift_offered")
    gift = Gift.objects.get(order=order)
    assert gift.token in notice.text
    assert "For your new start by the sea." in notice.text


def test_who_accepts_becomes_the_investor_with_counters_cooling_off_and_papers_of_their_own() -> None:
    gift = given(units=3)
    giver, receiver = gift.order.payer, _person()
    later = NOW + timedelta(days=20)
    order = make.accept(gift.order, receiver, at=later)
    order.refresh_from_db()
    assert (order.investor, order.payer, order.state) == (receiver, giver, "paid")
    assert order.cooling_off_ends_at == clock.cooling_off_end(date(2026, 7, 21), 8)
    assert counters(order.fund) == ({giver.pk: 0, receiver.pk: 3}, {giver.pk: 0, receiver.pk: 15_000})
    kinds = Acceptance.objects.filter(order=order).values_list("investor_id", "document__kind")
    assert sorted(kinds) == sorted(
        (who.pk, kind) for who in (giver, receiver) for kind in ("contract", "pre_contract", "risk")
    )
    gift = fresh(gift)
    assert (gift.state, gift.receiver_email) == ("accepted", "")
    dispatch()
    assert mails("gift_accepted") == [giver.user.email]
    assert mails("gift_contract") == [receiver.user.email]


def test_it_is_confirmed_for_the_receiver_after_their_cooling_off_and_never_before_they_accept() -> None:
    gift = given()
    cooled = NOW + timedelta(days=30)
    assert orders.confirm_due(on=cooled.date(), at=cooled)["cleared"] == 0
    assert not orders.clear_order(gift.order_id, at=cooled)
    order = make.accept(gift.order, _person(), at=cooled)
    assert orders.confirm_due(on=cooled.date(), at=cooled)["cleared"] == 0, "the receiver's own cooling-off runs"
    after = cooled + timedelta(days=9)
    assert orders.confirm_due(on=after.date(), at=after)["confirmed"] == 1
    assert [held.investor_id for held in Holding.objects.all()] == [order.investor_id]
    names = ["gifts.contracts", *(check.name for check in integrity.checks() if check.name.startswith("orders."))]
    names.remove("orders.confirmed_money")
    assert [outcome.differences for outcome in integrity.run(names) if outcome.differences] == []


def test_neither_the_giver_nor_the_receiver_may_be_unknown() -> None:
    gift = given(giver=_person(verified=False))
    order = make.accept(gift.order, _person(), at=NOW)
    after = NOW + timedelta(days=9)
    orders.confirm_due(on=after.date(), at=after)
    order.refresh_from_db()
    assert order.cleared_at is None
    make.verify(order.payer, at=after)
    assert orders.confirm_due(on=after.date(), at=after)["confirmed"] == 1


def test_the_giver_cancels_until_it_is_accepted_and_the_receiver_within_cooling_off() -> None:
    late = NOW + timedelta(days=25)
    first = given()
    payments.cancel_order(first.order, at=late, actor=first.order.payer.user)
    assert Order.objects.get(pk=first.order_id).state == "cancelled"
    second = given()
    order = make.accept(second.order, _person(), at=late)
    assert refusal(payments.cancel_order, order, at=late, actor=second.order.payer.user) == "given"
    payments.cancel_order(order, at=late + timedelta(days=7), actor=order.investor.user)
    order.refresh_from_db()
    assert order.state == "cancelled"
    assert counters(order.fund)[0][order.investor_id] == 0
    dispatch()
    assert order.investor.user.email in mails("gift_ended")
    assert order.payer.user.email in mails("order_ended")


def test_a_gift_that_nobody_accepts_is_refunded_and_its_giver_told_before() -> None:
    fund = make.make_fund(on=TODAY, units_minimum=0, closes_on=date(2026, 11, 1))
    gift = given(fund=fund)
    by = gifts.last_day(gift.order)
    assert by == TODAY + timedelta(days=60)
    for days, told, refunded in ((13, 0, 0), (14, 1, 0), (15, 0, 0), (60, 0, 0), (61, 0, 1), (62, 0, 0)):
        at = NOW + timedelta(days=days)
        assert gifts.gifts_due(on=at.date(), at=at) == {"refunded": refunded, "told": told, "errors": 0}, days
    order = Order.objects.get(pk=gift.order_id)
    assert order.state == "refunded"
    assert refusal(make.accept, order, _person(), at=NOW + timedelta(days=61)) == "too_late"


def test_the_last_day_leaves_room_for_cooling_off_before_identities_must_be_known() -> None:
    fund = make.make_fund(on=TODAY, units_minimum=0)
    gift = given(fund=fund)
    by = gifts.last_day(gift.order)
    assert by is not None
    assert by + timedelta(days=fund.policy.cooling_off_days) == payments.identity_deadline(fund)


@pytest.mark.parametrize("state", ["kept", "cancelled", "accepted", "expired"])
def test_a_settled_gift_can_be_neither_accepted_nor_changed(state: str) -> None:
    gift = given()
    if state == "kept":
        gifts.keep(gift, actor=gift.order.payer.user, at=NOW)
    elif state == "cancelled":
        payments.cancel_order(gift.order, at=NOW, actor=gift.order.payer.user)
    elif state == "accepted":
        make.accept(gift.order, _person(), at=NOW)
    at = NOW + timedelta(days=400 if state == "expired" else 1)
    assert refusal(make.accept, gift.order, _person(), at=at) == "too_late"
    if state != "expired":
        assert refusal(gifts.change, fresh(gift), make.WISH, actor=None, at=at) == "wrong_state"
        assert refusal(gifts.send_again, fresh(gift), actor=None, at=at) == "wrong_state"


def test_accepting_twice_is_once_and_another_person_comes_too_late() -> None:
    gift = given()
    receiver = _person()
    first = make.accept(gift.order, receiver, at=NOW)
    assert make.accept(first, receiver, at=NOW).pk == first.pk
    assert refusal(make.accept, first, _person(), at=NOW) == "too_late"
    assert Acceptance.objects.filter(order=first, investor=receiver).count() == 3


def test_the_giver_cannot_accept_their_own_gift() -> None:
    gift = given()
    assert refusal(make.accept, gift.order, gift.order.payer, at=NOW) == "own_gift"


def test_kept_units_are_an_ordinary_order_again() -> None:
    gift = given()
    gifts.keep(gift, actor=gift.order.payer.user, at=NOW)
    after = NOW + timedelta(days=9)
    assert orders.confirm_due(on=after.date(), at=after)["confirmed"] == 1
    assert Holding.objects.get().investor_id == gift.order.payer_id


def test_the_receivers_limits_are_those_of_any_investor() -> None:
    fund = make.make_fund(on=TODAY, units_minimum=0)
    limit = fund.policy.units_per_person
    receiver = _person()
    for _order in range(limit // fund.policy.units_per_order):
        make.make_order(fund=fund, investor=receiver, units=fund.policy.units_per_order, method="card", at=NOW)
    rest = limit % fund.policy.units_per_order
    if rest:
        make.make_order(fund=fund, investor=receiver, units=rest, method="card", at=NOW)
    gift = given(fund=fund)
    before = counters(fund)
    assert refusal(make.accept, gift.order, receiver, at=NOW) in ("person_limit", "business_limit")
    assert counters(fund) == before
    assert fresh(gift).state == "open"
    assert Acceptance.objects.filter(order=gift.order, investor=receiver).count() == 0


def test_a_minor_and_a_rejected_person_are_refused() -> None:
    gift = given()
    minor = make.make_investor(at=NOW, birth_date="2015-04-01")
    assert refusal(make.accept, gift.order, minor, at=NOW) == "not_eligible"


def test_the_newest_terms_are_signed() -> None:
    gift = given()
    old = make.make_acceptances(gift.order.fund, at=NOW)
    risks = [
        *offerings.current_terms(gift.order.fund).risks,
        {"en": "The quay may sink.", "ja": "岸壁が沈むおそれがあります。"},
    ]
    offerings.amend_terms(gift.order.fund, changes={"risks": risks}, actor=None, at=NOW, reason="A survey")
    receiver = _person()
    code = refusal(gifts.accept, gift, receiver, acceptances=old, answers={}, language="en", at=NOW)
    assert code == "documents"
    order = make.accept(gift.order, receiver, at=NOW)
    assert order.terms.version == 2
    assert [outcome.differences for outcome in integrity.run(["orders.acceptances", "gifts.contracts"])] == [[], []]


def test_declined_it_can_be_given_to_another_whose_link_is_another() -> None:
    gift = given()
    gifts.decline(gift, at=NOW)
    gifts.decline(gift, at=NOW)
    dispatch()
    assert mails("gift_declined") == [gift.order.payer.user.email]
    assert refusal(make.accept, gift.order, _person(), at=NOW) == "too_late"
    later = NOW + timedelta(hours=2)
    gifts.change(fresh(gift), Wish("Riku", "riku@example.com", "", "ja"), actor=None, at=later)
    dispatch()
    changed = fresh(gift)
    assert (changed.state, changed.token == gift.token) == ("open", False)
    assert mails("gift_offered") == ["umi@example.com", "riku@example.com"]
    assert Notice.objects.filter(kind="gift_offered").order_by("-pk")[0].language == "ja"
    gifts.decline(changed, at=later)
    dispatch()
    assert len(mails("gift_declined")) == 2


def test_mails_go_out_again_but_not_without_end() -> None:
    gift = given()
    assert refusal(gifts.send_again, gift, actor=None, at=NOW + timedelta(minutes=5)) == "too_often"
    for hours in range(2, 6):
        gifts.send_again(fresh(gift), actor=None, at=NOW + timedelta(hours=hours))
    assert refusal(gifts.send_again, fresh(gift), actor=None, at=NOW + timedelta(hours=9)) == "too_often"
    dispatch()
    assert len(mails("gift_offered")) == 5


def test_without_an_address_nothing_is_sent() -> None:
    gift = given(wish=Wish("Umi", "", "", "en"))
    assert mails("gift_offered") == []
    assert refusal(gifts.send_again, gift, actor=None, at=NOW) == "no_address"


def test_a_dispute_freezes_a_gift() -> None:
    gift = given()
    Order.objects.filter(pk=gift.order_id).update(frozen_at=NOW)
    assert refusal(make.accept, fresh(gift).order, _person(), at=NOW) == "too_late"
    at = NOW + timedelta(days=200)
    assert gifts.gifts_due(on=at.date(), at=at) == {"refunded": 0, "told": 0, "errors": 0}


def test_a_fund_that_fails_takes_the_gift_with_it() -> None:
    fund = make.make_fund(on=TODAY, units_minimum=50)
    gift = given(fund=fund)
    order = make.accept(gift.order, _person(), at=NOW)
    payments.fail_fund(fund, at=NOW, actor=order.payer.user, reason="closed by hand")
    payments.fail_due(on=TODAY, at=NOW)
    order.refresh_from_db()
    assert order.state == "failed"
    assert not Refund.objects.exclude(order__payer=gift.order.payer).exists()


def test_the_same_form_again_is_one_gift() -> None:

    fund, token = make.make_fund(on=TODAY), uuid.uuid4()
    giver = _person()
    made = [
        make.make_order(fund=fund, investor=giver, method="card", at=NOW, gift=make.WISH, form_token=token)
        for _again in range(2)
    ]
    assert made[0].pk == made[1].pk
    assert Gift.objects.count() == 1
