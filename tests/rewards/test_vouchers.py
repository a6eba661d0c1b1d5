"""Vouchers at the till: a code is used up once, from however many phones."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from microfund.kernel.errors import DomainError
from rewards import vouchers
from rewards.models import Offer, Redemption, Voucher
from tests import make, repay
from tests.repay import books_are_right
from tests.rewards import build


def claimed() -> tuple[Voucher, Any]:
    cycle, at = build.opened(2, kind=Offer.Kind.VOUCHER, value=2_000)
    build.claim(build.row_of(cycle), at=at)
    return Voucher.objects.select_related("business").get(), at


def use(voucher: Voucher, amount: int, at: Any, **values: Any) -> Redemption:
    given = {"form_token": uuid4(), "actor": repay.staff(), "at": at, **values}
    return vouchers.redeem(voucher.business, vouchers.shown(voucher.code).lower(), amount, **given)


@pytest.mark.django_db
def test_a_voucher_is_used_in_parts_and_never_beyond_its_value() -> None:
    voucher, at = claimed()
    token = uuid4()
    use(voucher, 700, at, form_token=token)
    use(voucher, 700, at, form_token=token)
    voucher.refresh_from_db()
    assert voucher.balance == 1_300
    for amount in (1_301, 0, -5):
        with pytest.raises(DomainError) as refused:
            use(voucher, amount, at)
        assert refused.value.code == "amount"
    use(voucher, 1_300, at)
    with pytest.raises(DomainError):
        use(voucher, 1, at)
    with pytest.raises(DatabaseError), transaction.atomic():
        Redemption.objects.update(amount=1)
    books_are_right()


@pytest.mark.django_db
def test_another_business_and_a_day_too_late_are_refused() -> None:
    voucher, at = claimed()
    with pytest.raises(DomainError) as refused:
        vouchers.redeem(make.make_business(), voucher.code, 1, form_token=uuid4(), actor=repay.staff(), at=at)
    assert refused.value.code == "unknown"
    with pytest.raises(DomainError) as late:
        use(voucher, 1, make.at_noon(voucher.valid_until + timedelta(days=1)))
    assert late.value.code == "over"
    use(voucher, 1, make.at_noon(voucher.valid_until))


def rush(voucher: Voucher, at: Any, phones: int) -> list[str]:
    """All of it is taken at the same moment on so many phones; what each was told."""
    told: list[str] = []
    start = threading.Barrier(phones)

    def run() -> None:
        try:
            start.wait()
            use(voucher, 2_000, at)
            told.append("used")
        except DomainError as error:
            told.append(error.code)
        finally:
            connection.close()

    repay.staff()
    threads = [threading.Thread(target=run) for _phone in range(phones)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told)


@pytest.mark.django_db(transaction=True)
def test_two_phones_at_once_use_it_once() -> None:
    voucher, at = claimed()
    assert rush(voucher, at, 4) == ["amount", "amount", "amount", "used"]
    books_are_right()


@pytest.mark.django_db(transaction=True)
def test_without_its_lock_two_phones_use_it_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: read, wait for the other phone, then write."""
    together = threading.Barrier(2, timeout=20)

    def unlocked(model: Any, pk: int) -> Any:
        row = model.objects.get(pk=pk)
        together.wait()
        return row

    voucher, at = claimed()
    monkeypatch.setattr(vouchers.locks, "lock_one", unlocked)
    assert rush(voucher, at, 2) == ["used", "used"]
    monkeypatch.undo()
    with pytest.raises(AssertionError, match=r"rewards\.vouchers"):
        books_are_right()
