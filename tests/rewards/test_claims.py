"""Claiming: to oneself, to somebody else, to a school; within the time, the stock, the law; by its owner alone."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from investments.models import Holding
from microfund.kernel.errors import DomainError
from rewards import claims, cycles
from rewards.claims import Choice
from rewards.models import Cycle, Entitlement, Offer, Parcel, Voucher
from tests import make, repay
from tests.repay import books_are_right
from tests.rewards import build

pytestmark = pytest.mark.django_db


def refused(code: str, row: Entitlement, *, at: Any, field: str = "", **choice: Any) -> None:
    before = Entitlement.objects.get(pk=row.pk).state
    with pytest.raises(DomainError) as error:
        build.claim(row, at=at, **choice)
    assert error.value.code == code
    assert error.value.data.get("field", "") == field
    assert Entitlement.objects.get(pk=row.pk).state == before


def test_a_claim_keeps_the_address_encrypted_and_can_be_changed_until_packing() -> None:
    cycle, at = build.opened(2, stock=3)
    row = build.claim(build.row_of(cycle), at=at, gift=True, card="Get well soon")
    parcel = Parcel.objects.get()
    assert parcel.address == build.HOME and parcel.card == "Get well soon"
    with connection.cursor() as cursor:
        cursor.execute("SELECT address FROM rewards_parcel")
        assert "一番町" not in cursor.fetchone()[0]
    build.claim(row, at=at, address={**build.HOME, "prefecture": "東京都"})
    parcel.refresh_from_db()
    assert (parcel.prefecture, parcel.gift, parcel.card) == ("東京都", False, "")
    cycle.refresh_from_db()
    assert cycle.promised == 1
    books_are_right()


def test_it_is_passed_on_taken_back_and_declined() -> None:
    cycle, at = build.opened(2, stock=1)
    place = build.make_donee()
    row = build.claim(build.row_of(cycle), at=at, donee_id=place.pk)
    assert row.state == "passed_on" and Parcel.objects.get().address["name"] == "みなとフードバンク"
    row = build.claim(row, at=at)
    assert row.state == "claimed" and Parcel.objects.get().donee_id is None
    claims.decline(row.holding.investor, row.pk, actor=row.holding.investor.user, at=at)
    cycle.refresh_from_db()
    assert cycle.promised == 0 and Parcel.objects.get().address == {}
    refused("wrong_state", row, at=at)
    books_are_right()


@pytest.mark.parametrize(
    ("code", "field", "offer", "choice"),
    [
        ("region", "prefecture", {"not_to": ["宮城県"]}, {}),
        ("under_age", "of_age", {"adults_only": True}, {}),
        ("donee", "donee", {}, {"donee_id": 999}),
        ("choice", "prefecture", {}, {"address": {**build.HOME, "prefecture": "Atlantis"}}),
    ],
)
def test_what_is_wrong_is_said_by_its_field(
    code: str, field: str, offer: dict[str, Any], choice: dict[str, Any]
) -> None:
    cycle, at = build.opened(2, **offer)
    refused(code, build.row_of(cycle), at=at, field=field, **choice)


def test_every_part_of_an_address_is_checked() -> None:
    cycle, at = build.opened(2)
    for name in ("name", "postal_code", "city", "street", "phone"):
        with pytest.raises(DomainError) as error:
            build.claim(build.row_of(cycle), at=at, address={**build.HOME, name: ""})
        assert error.value.data["field"] == name


def test_sake_is_for_people_of_age() -> None:
    cycle, at = build.opened(2, adults_only=True)
    row = build.row_of(cycle)
    investor = row.holding.investor
    investor.birth_date = (at.date() - timedelta(days=19 * 366)).isoformat()
    investor.save()
    refused("under_age", row, at=at, field="of_age", of_age=True)
    # Nobody sees to whom a gift goes, and no school is given it.
    refused("under_age", row, at=at, field="of_age", of_age=True, gift=True)
    refused("donee", row, at=at, field="donee", donee_id=build.make_donee().pk)
    investor.birth_date = (at.date() - timedelta(days=20 * 366)).isoformat()
    investor.save()
    refused("under_age", row, at=at, field="of_age", gift=True)
    assert build.claim(row, at=at, of_age=True, gift=True).state == "claimed"


def test_a_day_is_wished_for_within_the_time_of_sending() -> None:
    cycle, at = build.opened(2)
    row = build.row_of(cycle)
    for day in (cycle.closes_on, cycle.dispatch_by + timedelta(days=1)):
        refused("wish", row, at=at, field="wish_on", wish_on=day)
    assert build.claim(row, at=at, wish_on=cycle.dispatch_by).state == "claimed"


def test_after_its_time_it_is_refused_with_the_date() -> None:
    cycle, _at = build.opened(2)
    row = build.row_of(cycle)
    refused("closed", row, at=build.after_closing(cycle))
    cycles.close_due(on=cycle.closes_on + timedelta(days=1), at=build.after_closing(cycle))
    refused("wrong_state", row, at=make.at_noon(cycle.closes_on))


def test_a_disputed_holding_waits_and_another_persons_does_not_exist() -> None:
    cycle, at = build.opened(2)
    row = build.row_of(cycle)
    Holding.objects.update(frozen_at=at)
    refused("frozen", row, at=at)
    stranger = repay.holder("アオバ シカ", at=at)
    for act in (
        lambda: claims.claim(stranger, row.pk, Choice(address=build.HOME), actor=stranger.user, at=at),
        lambda: claims.decline(stranger, row.pk, actor=stranger.user, at=at),
    ):
        with pytest.raises(Entitlement.DoesNotExist):
            act()


def test_what_came_back_is_sent_again_wherever_it_is_wanted_now() -> None:
    from rewards import fulfilment

    cycle, at = build.opened(2, stock=1)
    row = build.claim(build.row_of(cycle), at=at)
    over = build.after_closing(cycle)
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=over)
    refused("wrong_state", row, at=over)
    fulfilment.ship(batch, carrier="yamato", shipped_on=over.date(), actor=repay.staff(), at=over)
    fulfilment.report_problem(row.pk, problem="unknown", note="", actor=repay.staff(), at=over)
    again = build.claim(row, at=over, address={**build.HOME, "street": "二番町9"})
    assert again.state == "claimed"
    parcel = Parcel.objects.get()
    assert (parcel.address["street"], parcel.problem, parcel.batch_id) == ("二番町9", "", None)
    books_are_right()


# --- Stock under rivals -------------------------------------------------------------------------------------------


def rush(rows: list[Entitlement], at: Any) -> list[str]:
    """Every holder claims at the same moment; what each was told."""
    told: list[str] = []
    start = threading.Barrier(len(rows))

    def run(row: Entitlement) -> None:
        try:
            start.wait()
            build.claim(row, at=at)
            told.append("claimed")
        except DomainError as error:
            told.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told)


@pytest.mark.django_db(transaction=True)
def test_the_last_ones_are_promised_once() -> None:
    cycle, at = build.opened(*[1] * 8, stock=3)
    told = rush(list(cycle.entitlements.select_related("holding__investor__user")), at)
    assert told == ["claimed"] * 3 + ["out_of_stock"] * 5
    cycle.refresh_from_db()
    assert cycle.promised == 3
    books_are_right()


@pytest.mark.django_db(transaction=True)
def test_without_its_guard_the_stock_is_promised_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: read, wait for the rivals, then write."""
    together = threading.Barrier(4, timeout=20)

    def unguarded(cycle: Cycle, row: Entitlement) -> None:
        left = Cycle.objects.get(pk=cycle.pk)
        together.wait()
        if left.promised + row.quantity > 1:
            raise DomainError("out_of_stock", "")

    monkeypatch.setattr(claims, "take_stock", unguarded)
    cycle, at = build.opened(*[1] * 4, stock=1)
    told = rush(list(cycle.entitlements.select_related("holding__investor__user")), at)
    assert told.count("claimed") > 1


# --- At once ------------------------------------------------------------------------------------------------------


def test_a_voucher_gets_a_code_once_and_a_download_nothing_but_its_link() -> None:
    cycle, at = build.opened(6, kind=Offer.Kind.VOUCHER, value=1_500, per_units=3, valid_days=30)
    row = build.claim(build.row_of(cycle), at=at)
    assert row.state == "delivered"
    voucher = Voucher.objects.get()
    assert (voucher.value, voucher.balance, len(voucher.code)) == (3_000, 3_000, 12)
    assert voucher.valid_until == at.date() + timedelta(days=30)
    refused("wrong_state", row, at=at)
    other, at = build.opened(2, kind=Offer.Kind.DIGITAL, link="https://example.com/song.flac")
    assert build.claim(build.row_of(other), at=at).state == "delivered"
    assert not Parcel.objects.exists()
    books_are_right()
