"""What hostile and clumsy people try with rewards: nothing is doubled, read, kept or lost by it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import row_id
from rewards import cycles, fulfilment, labels, offers, reassign, vouchers
from rewards.models import Batch, Cycle, Entitlement, Offer, Parcel, Redemption, Voucher
from tests import repay
from tests.repay import books_are_right
from tests.rewards import build
from tests.rewards.test_pages import form, holder_of, now_open, owner
from tests.rewards.test_settled_otherwise import another_season

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert(1)</script> #panic("x") $ \\ =1+1 {{ row }}'


def packed(count: int = 3, **offer: Any) -> tuple[Batch, list[Entitlement]]:
    """A batch of so many parcels, made today, of a season that is open."""
    cycle = now_open(*([2] * count), **offer)
    rows = [build.claim(build.row_of(cycle, number), at=timezone.now()) for number in range(count)]
    return fulfilment.pack(cycle, actor=repay.staff(), at=timezone.now()), rows


def today() -> date:
    return clock.today_in()


# --- Investors ----------------------------------------------------------------------------------------------------


def test_every_door_to_another_persons_reward_answers_as_if_there_were_none() -> None:
    cycle = now_open(2, 3)
    mine, theirs = build.row_of(cycle), build.row_of(cycle, 1)
    build.claim(theirs, at=timezone.now(), address={**build.HOME, "city": "秘密の町"})
    client = holder_of(mine)
    for name in ("claim", "decline", "received", "complain"):
        for pk in (theirs.pk, 10**9):
            answer = client.post(reverse(f"rewards:{name}", args=[pk]), form(problem="lost"))
            assert answer.status_code == 404 and "秘密の町" not in answer.content.decode()
    assert client.get(reverse("rewards:claim", args=[theirs.pk])).status_code == 404
    theirs.refresh_from_db()
    assert theirs.state == "claimed" and theirs.parcel.address["city"] == "秘密の町"


def test_a_claim_that_is_sent_again_and_again_is_one_parcel() -> None:
    cycle = now_open(2, stock=1)
    row = build.row_of(cycle)
    client, here = holder_of(row), reverse("rewards:claim", args=[row.pk])
    for _time in range(3):
        assert client.post(here, form()).status_code == 302
    assert Parcel.objects.count() == 1
    cycle.refresh_from_db()
    assert cycle.promised == 1
    fulfilment.pack(cycle, actor=repay.staff(), at=timezone.now())
    late = client.post(here, form(city="東松島市"))
    assert late.status_code == 422 and Parcel.objects.get().address["city"] == build.HOME["city"]
    assert client.post(reverse("rewards:decline", args=[row.pk]), follow=True).status_code == 200
    row.refresh_from_db()
    assert row.state == "packing"
    books_are_right()


def test_a_form_cannot_choose_an_address_book_or_a_place_that_is_not_there() -> None:
    cycle = now_open(2, 3)
    row = build.row_of(cycle)
    client, here = holder_of(row), reverse("rewards:claim", args=[row.pk])
    hidden = build.make_donee()
    type(hidden).objects.filter(pk=hidden.pk).update(active=False)
    shown = build.make_donee()
    for values in (
        {"to": "book-1"},
        {"to": "pass_on", "donee": ""},
        {"to": "pass_on", "donee": str(hidden.pk)},
        {"to": "pass_on", "donee": "9" * 40},
        form(wish_on="2001-01-01"),
        form(wish_on="x" * 500),
        form(card="x" * 201),
        form(name="\x00"),
    ):
        assert client.post(here, values).status_code == 422, values
    row.refresh_from_db()
    assert row.state == "claimable" and not Parcel.objects.exists()
    assert client.post(here, {"to": "pass_on", "donee": str(shown.pk)}).status_code == 302


@pytest.mark.parametrize("gift", [False, True])
def test_no_sake_for_people_under_age_not_even_as_a_gift(gift: bool) -> None:
    cycle = now_open(2, adults_only=True)
    row = build.row_of(cycle)
    build.make_donee()
    row.holding.investor.birth_date = (today() - timedelta(days=19 * 365)).isoformat()
    row.holding.investor.save()
    client, here = holder_of(row), reverse("rewards:claim", args=[row.pk])
    assert "school" not in client.get(here).content.decode()
    answer = client.post(here, form(of_age="on", **({"gift": "on"} if gift else {})))
    assert answer.status_code == 422 and "Only for people of 20 and over" in answer.content.decode()
    assert client.post(here, {"to": "pass_on", "donee": "1", "of_age": "on"}).status_code == 422
    row.refresh_from_db()
    assert row.state == "claimable"


def test_another_reward_that_is_for_adults_or_has_allergens_asks_its_holder_first() -> None:
    for values in ({"adults_only": True}, {"allergens_en": "soy", "allergens_ja": "大豆"}):
        cycle = now_open(2)
        row = build.claim(build.row_of(cycle), at=timezone.now())
        other = another_season(cycle, **values)
        made = reassign.exchange(row.pk, other, actor=repay.staff(), at=timezone.now(), reason="No oysters.")
        assert made.state == "claimable" and not Parcel.objects.filter(entitlement=made).exists()
    books_are_right()


def test_words_on_a_card_are_words_on_every_page_label_and_list() -> None:
    cycle = now_open(2)
    row = build.row_of(cycle)
    client, here = holder_of(row), reverse("rewards:claim", args=[row.pk])
    assert client.post(here, form(gift="on", card=HOSTILE, building="=1+1 #panic(1)")).status_code == 302
    page = client.get(here).content.decode()
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=timezone.now())
    studio = owner(cycle.offer.fund)
    page = studio.get(reverse("rewards:batch", args=[cycle.offer.fund.business.slug, batch.pk])).content.decode()
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    for kind in ("list", "labels"):
        made, _name = labels.export(batch, kind, actor=repay.staff(), at=timezone.now())
        assert made.startswith(b"%PDF")
    for kind in ("yamato", "sagawa", "post", "clickpost"):
        made, _name = labels.export(batch, kind, actor=repay.staff(), at=timezone.now())
        cells = made.decode("cp932").replace('"', "").split(",")
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


# --- Owners -------------------------------------------------------------------------------------------------------


def test_ids_that_are_none_are_answered_and_not_an_error_of_the_server() -> None:
    batch, rows = packed(1)
    client, slug = owner(batch.cycle.offer.fund), batch.business.slug
    here = reverse("rewards:batch", args=[slug, batch.pk])
    good = {"carrier": "post", "shipped_on": today().isoformat()}
    for odd in ("9" * 30, "9" * 5_000, "-1", "²", "x", ""):
        assert client.post(here, {**good, "parcel": odd}).status_code == 422, odd[:40]
        assert row_id(odd) == 0
    typed = urlencode({**good, "tracking-" + "9" * 4_400: "<b>"})
    assert client.post(here, typed, content_type="application/x-www-form-urlencoded").status_code == 422
    offer = reverse("rewards:offer_files", args=[slug, batch.cycle.offer_id])
    assert client.post(offer, {"do": "remove-" + "9" * 5_000}).status_code == 302
    rows[0].refresh_from_db()
    assert rows[0].state == "packing" and row_id("17") == 17


def test_a_parcel_of_another_business_or_batch_is_out_of_reach() -> None:
    batch, rows = packed(1)
    other, _rows = packed(1)
    client = owner(other.cycle.offer.fund)
    theirs, mine = batch.business.slug, other.business.slug
    for slug, pk in ((theirs, batch.pk), (mine, batch.pk)):
        assert client.get(reverse("rewards:batch", args=[slug, pk])).status_code == 404
        assert client.post(reverse("rewards:export", args=[slug, pk, "list"])).status_code == 404
        assert client.post(reverse("rewards:parcel", args=[slug, pk, rows[0].pk]), {"do": "unpack"}).status_code == 404
    assert (
        client.post(reverse("rewards:parcel", args=[mine, other.pk, rows[0].pk]), {"do": "unpack"}).status_code == 404
    )
    assert client.post(reverse("rewards:pack", args=[mine, batch.cycle_id])).status_code == 404
    answer = client.post(
        reverse("rewards:batch", args=[mine, other.pk]),
        {"carrier": "post", "shipped_on": today().isoformat(), "parcel": str(rows[0].pk)},
    )
    assert answer.status_code == 422
    rows[0].refresh_from_db()
    assert rows[0].state == "packing"


def test_a_day_of_last_year_does_not_erase_addresses_and_close_complaints() -> None:
    batch, rows = packed(1)
    for day in (today() - timedelta(days=366), today() - timedelta(days=1)):
        with pytest.raises(DomainError) as refused:
            fulfilment.ship(batch, carrier="post", shipped_on=day, actor=repay.staff(), at=timezone.now())
        assert (refused.value.code, refused.value.data["field"]) == ("past", "shipped_on")
    rows[0].refresh_from_db()
    assert rows[0].state == "packing"


def test_an_address_is_gone_after_thirty_days_from_every_page_and_file() -> None:
    batch, rows = packed(2)
    client, slug = owner(batch.cycle.offer.fund), batch.business.slug
    here = reverse("rewards:batch", args=[slug, batch.pk])
    fulfilment.ship(
        batch, carrier="post", shipped_on=today(), only={rows[0].pk}, actor=repay.staff(), at=timezone.now()
    )
    sent_on = today() - timedelta(days=31)
    Parcel.objects.filter(entitlement=rows[0]).update(shipped_on=sent_on)
    # Before the sweep has erased it, and after: the other one is still to be sent.
    for _swept in range(2):
        page = client.get(here).content.decode()
        assert page.count(build.HOME["street"]) == 1
        content, _name = labels.export(batch, "yamato", actor=repay.staff(), at=timezone.now())
        assert content.decode("cp932").count(build.HOME["street"]) == 1
        cycles.deliver_due(on=today(), at=timezone.now())
    assert Parcel.objects.get(entitlement=rows[0]).address == {}
    assert Parcel.objects.get(entitlement=rows[1]).address == build.HOME
    # Nor does taking it back into a batch bring it back.
    with pytest.raises(DomainError):
        fulfilment.unpack(batch, rows[0].pk, actor=repay.staff(), at=timezone.now())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("PK,4012-0001\n".encode("utf-16"), "neither UTF-8 nor Shift JIS"),
        ("番号\t伝票\nPK\t4012-0001\n".encode(), "it has too few columns"),
        (b"PK;4012-0001\n", "holds no parcel"),
        ("伝票,番号\n4012-0001,PK\n".encode(), "this parcel is not in the batch"),
        (b"OTHER,4012-0001\n", "this parcel is not in the batch"),
        (b"PK,4012-0001\nPK,4012-0001\n", "stands there twice"),
        (b"PK,4.01E+11\n", "this is no tracking number"),
        (b"PK,\n", "this is no tracking number"),
        (b"-PK,4012-0001\nPK,4012-0001\nPK,4012-0002\n", "stands there twice"),
        (b'PK,"4012-0001\n', "a quotation mark missing"),
        (b"9" * 5_000 + b",4012-0001\n", "this parcel is not in the batch"),
        ("²,4012-0001\nPK,4012-0001\n²,1\n".encode(), "this parcel is not in the batch"),
    ],
)
def test_a_list_of_numbers_that_is_wrong_changes_nothing_at_all(content: bytes, message: str) -> None:
    batch, rows = packed(1)
    other, theirs = packed(1)
    client = owner(batch.cycle.offer.fund)
    wide = content.startswith(b"\xff\xfe")
    own, foreign = str(rows[0].pk), str(theirs[0].pk)
    if wide:
        content = content.decode("utf-16").replace("PK", own).encode("utf-16")
    content = content.replace(b"PK", own.encode()).replace(b"OTHER", foreign.encode())
    answer = client.post(
        reverse("rewards:batch", args=[batch.business.slug, batch.pk]),
        {
            "carrier": "post",
            "shipped_on": today().isoformat(),
            "tracking": SimpleUploadedFile("numbers.csv", content),
        },
    )
    assert answer.status_code == 422 and message in answer.content.decode()
    rows[0].refresh_from_db()
    assert rows[0].state == "packing" and not rows[0].parcel.tracking and other.parcels.count() == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("head", ["", "管理番号,伝票番号\r\n"])
def test_a_list_of_numbers_as_spreadsheets_write_it_is_taken(encoding: str, head: str) -> None:
    batch, rows = packed(2)
    text = head + "".join(f'"{row.pk}", 4012-{row.pk:04} ,,\r\n' for row in rows) + ",,\r\n\r\n"
    found = fulfilment.read_tracking(batch, text.encode(encoding))
    assert found == {row.pk: f"4012-{row.pk:04}" for row in rows}


# --- The till -----------------------------------------------------------------------------------------------------


def two_vouchers() -> list[Voucher]:
    cycle = now_open(2, 3, kind=Offer.Kind.VOUCHER, value=2_000)
    for number in range(2):
        build.claim(build.row_of(cycle, number), at=timezone.now())
    return list(Voucher.objects.select_related("business").order_by("pk"))


@pytest.mark.parametrize("amount", ["0", "-500", "2001", "1e3", "９９９９", "9" * 30, "", "800.5"])
def test_no_amount_but_what_is_left_is_taken_off_a_voucher(amount: str) -> None:
    voucher = two_vouchers()[0]
    client = owner(voucher.entitlement.cycle.offer.fund)
    values = {"code": voucher.code, "amount": amount, "form_token": uuid4()}
    assert client.post(reverse("rewards:till", args=[voucher.business.slug]), values).status_code == 422
    voucher.refresh_from_db()
    assert voucher.balance == 2_000 and not Redemption.objects.exists()


def test_a_page_that_was_used_for_one_voucher_takes_nothing_off_another() -> None:
    """The till's phone went back a page, and the next guest's code was typed over the last one's."""
    first, second = two_vouchers()
    client, token = owner(first.entitlement.cycle.offer.fund), uuid4()
    here = reverse("rewards:till", args=[first.business.slug])
    assert client.post(here, {"code": first.code, "amount": 800, "form_token": token}).status_code == 302
    answer = client.post(here, {"code": second.code, "amount": 500, "form_token": token})
    assert answer.status_code == 422 and "used for another voucher" in answer.content.decode()
    assert list(Voucher.objects.order_by("pk").values_list("balance", flat=True)) == [1_200, 2_000]
    made = vouchers.redeem(
        second.business, second.code, 500, form_token=uuid4(), actor=repay.staff(), at=timezone.now()
    )
    assert made.voucher_id == second.pk
    books_are_right()


# --- Staff --------------------------------------------------------------------------------------------------------


def test_a_reward_is_not_doubled_by_making_new_versions_of_its_offer() -> None:
    cycle: Cycle = now_open(2)
    offer = cycle.offer
    for _time in range(3):
        offer = offers.revise(offer, actor=repay.staff(), at=timezone.now(), reason="Another day.")
        day = today() + timedelta(days=2)
        Offer.objects.filter(pk=offer.pk).update(season_month=day.month, season_day=day.day, starts_on=None)
        offer.refresh_from_db()
        later = timezone.now() + timedelta(days=3)
        build.open_cycles(later)
    assert Entitlement.objects.filter(holding__fund=offer.fund_id, cycle__number=cycle.number).count() == 1
    assert Cycle.objects.filter(offer__fund=offer.fund_id, number=cycle.number).count() == 1
    books_are_right()
