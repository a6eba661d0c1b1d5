"""Offers: proposed in the studio, taken on by staff, where they are not sent; downloads and acknowledgements."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from microfund.kernel import clock, private
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from rewards import claims, downloads, offers, queries
from rewards.models import Cycle, DigitalFile, Download, Entitlement, Offer, Parcel
from tests import make, repay
from tests.businesses.hostile_files import jpeg
from tests.private_files import sweep_years_later
from tests.repay import books_are_right
from tests.rewards import build
from tests.rewards.test_claims import refused
from tests.rewards.test_pages import browser, form, holder_of, now_open, owner
from tests.site.staff import console, do, make_staff, page_of

pytestmark = pytest.mark.django_db

SONG = b"ID3\x04" + b"\x00" * 200


def song(name: str = "song.mp3", content: bytes = SONG) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")


def test_an_owner_proposes_and_the_staff_takes_it_on() -> None:
    fund = repay.operating(2)
    client, slug = owner(fund), fund.business.slug
    new = reverse("rewards:offer_new", args=[slug])
    values = {
        "fund": fund.pk, "kind": "goods", "text_ja": "新酒の四合瓶", "text_en": "A bottle of new sake",
        "minimum_units": 1, "value": 2_200, "cycle": "season", "season_month": 1, "season_day": 20, "from_period": 1,
        "every": 1, "claim_days": 40, "dispatch_days": 20, "valid_days": 180, "unclaimed": "expire",
        "not_to_prefectures": ["沖縄県"], "not_to_codes": "100-21 x",
    }  # fmt: skip
    endless = client.post(new, values)
    assert endless.status_code == 422 and "A season has a last day as well" in endless.content.decode()
    values |= {"season_until_month": 4, "season_until_day": 10}
    wrong = client.post(new, values)
    assert wrong.status_code == 422 and "neither a prefecture nor" in wrong.content.decode()
    assert client.post(new, {**values, "picture": song()}).status_code == 422
    good = {**values, "not_to_codes": "100-21", "picture": SimpleUploadedFile("sake.jpg", jpeg())}
    assert client.post(new, good).status_code == 302
    made = Offer.objects.get()
    assert (made.waiting, made.not_to, bool(made.digest)) == (True, ["沖縄県", "10021"], True)
    # It is no promise yet: nobody sees it and nothing opens.
    assert not queries.offers_of(fund) and not queries.coming(fund.holdings.get().investor, on=fund.term_starts_on)
    build.open_cycles(build.first_day(fund, year=2))
    assert not Cycle.objects.exists()
    assert client.post(reverse("rewards:offer", args=[slug, made.pk]), {**values, "not_to_codes": "", "value": 2_400})
    made.refresh_from_db()
    assert made.value == 2_400 and made.digest
    do(console(make_staff("reviewer")), made, "take_on", reason="", confirmed="1")
    made.refresh_from_db()
    assert not made.waiting and made.starts_on is not None and queries.offers_of(fund) == [made]
    assert client.post(reverse("rewards:offer", args=[slug, made.pk]), values).status_code == 404
    assert AuditRow.objects.filter(action="rewards.Offer.taken_on").count() == 1
    other = owner(repay.operating(2))
    assert other.get(reverse("rewards:offer", args=[slug, made.pk])).status_code == 404


def test_a_brewery_takes_claims_before_its_season_and_everybody_reads_when() -> None:
    fund = repay.operating(2)
    client, slug = owner(fund), fund.business.slug
    values = {
        "fund": fund.pk, "kind": "goods", "text_ja": "新酒の四合瓶", "text_en": "A bottle of new sake",
        "minimum_units": 1, "value": 2_200, "cycle": "season", "season_month": 11, "season_day": 1,
        "season_until_month": 2, "season_until_day": 29, "claim_month": 9, "claim_day": 1, "claim_until_month": 9,
        "from_period": 1, "every": 1, "claim_days": 60, "dispatch_days": 20, "valid_days": 180, "unclaimed": "expire",
    }  # fmt: skip
    new = reverse("rewards:offer_new", args=[slug])
    half = client.post(new, values)
    assert half.status_code == 422 and "or none of them" in half.content.decode()
    too_long = client.post(new, {**values, "claim_until_month": 3, "claim_until_day": 1})
    assert too_long.status_code == 422 and "end with the season at the latest" in too_long.content.decode()
    assert client.post(new, {**values, "claim_until_day": 30}).status_code == 302
    made = Offer.objects.get()
    offers.take_on(made, actor=repay.staff(), at=build.first_day(fund).replace(year=fund.term_starts_on.year))
    told = "Every year from November 1 to February 29; to be claimed from September 1 to September 30"
    pages = (reverse("businesses:detail", args=[slug]), reverse("rewards:season", args=[slug]))
    for page in pages:
        assert told in " ".join(client.get(page).content.decode().split())
    holder = fund.holdings.get().investor
    coming = queries.coming(holder, on=fund.term_starts_on)[0].opening
    assert (coming.opens_on.month, coming.closes_on.day, coming.dispatch_from.month) == (9, 30, 11)
    build.open_cycles(make.at_noon(coming.opens_on))
    row = Entitlement.objects.get()
    page = " ".join(holder_of(row).get(reverse("rewards:claim", args=[row.pk])).content.decode().split())
    assert "Sent between" in page and f"Nov. 1, {coming.opens_on.year}" in page
    page = " ".join(client.get(reverse("rewards:season", args=[slug])).content.decode().split())
    assert f"claims from Sept. 1, {coming.opens_on.year}" in page and "send between Nov. 1" in page


def test_staff_type_the_places_and_a_picture() -> None:
    made = build.make_offer(repay.operating(2), not_to=["沖縄県", "10021"])
    client = console(make_staff("operations"))
    page = client.get(page_of(made)).content.decode()
    assert 'value="10021"' in page and '<option value="沖縄県" selected' in page


@pytest.mark.parametrize(("code", "field"), [("100-2101", "postal_code"), ("905-0001", "prefecture")])
def test_an_island_and_a_prefecture_are_refused_by_their_field(code: str, field: str) -> None:
    cycle, at = build.opened(2, not_to=["沖縄県", "10021"], cold=True)
    there = {"postal_code": code, "prefecture": "東京都" if field == "postal_code" else "沖縄県"}
    refused("region", build.row_of(cycle), at=at, field=field, address={**build.HOME, **there})
    assert build.claim(build.row_of(cycle), at=at).state == "claimed"


def test_what_it_contains_must_be_known_to_whoever_receives_it() -> None:
    cycle, at = build.opened(2, allergens_en="oyster", allergens_ja="牡蠣")
    row = build.row_of(cycle)
    refused("allergens", row, at=at, field="read_allergens")
    build.claim(row, at=at, read_allergens=True, allergies="Soy, please no sauce")
    parcel = Parcel.objects.get()
    assert parcel.allergies == "Soy, please no sauce"
    claims.decline(row.holding.investor, row.pk, actor=None, at=at)
    assert Parcel.objects.get().allergies == ""


def test_the_form_asks_for_allergies_only_where_there_is_something_to_eat() -> None:
    cycle = now_open(2, allergens_en="oyster", allergens_ja="牡蠣")
    row = build.row_of(cycle)
    client, here = holder_of(row), reverse("rewards:claim", args=[row.pk])
    answer = client.post(here, form(allergies="Soy"))
    assert answer.status_code == 422 and "knows what it contains" in answer.content.decode()
    client.post(here, form(allergies="Soy", read_allergens="on"))
    assert Parcel.objects.get().allergies == "Soy"
    plain = build.row_of(now_open(2))
    assert "allergies" not in holder_of(plain).get(reverse("rewards:claim", args=[plain.pk])).content.decode().lower()


# --- Downloads ----------------------------------------------------------------------------------------------------


def recording() -> tuple[Entitlement, DigitalFile, datetime]:
    """A claimed recording with its file."""
    cycle = now_open(2, 3, kind=Offer.Kind.DIGITAL)
    at = timezone.now()
    made = downloads.add(cycle.offer, io.BytesIO(SONG), name="song.mp3", actor=repay.staff(), at=at)
    return build.row_of(cycle), made, at


def test_a_recording_is_private_counted_and_for_those_who_claimed_it() -> None:
    row, file, at = recording()
    assert SONG not in private.storage().open(file.file).read()
    client, here = holder_of(row), reverse("rewards:download", args=[row.pk, file.pk])
    assert client.post(here).status_code == 302 and not Download.objects.exists()  # not claimed
    build.claim(row, at=at)
    assert "song.mp3" in client.get(reverse("rewards:claim", args=[row.pk])).content.decode()
    for _time in range(2):
        answer = client.post(here)
        assert (answer.content, answer["Content-Type"]) == (SONG, "audio/mpeg")
        assert answer["Content-Disposition"] == 'attachment; filename="song.mp3"'
        assert "no-store" in answer["Cache-Control"]
    assert client.get(here).status_code == 405
    stranger = holder_of(build.row_of(row.cycle, 1))
    assert stranger.post(here).status_code == 404
    own = reverse("rewards:download", args=[build.row_of(row.cycle, 1).pk, file.pk])
    assert stranger.post(own).status_code == 302 and stranger.post(own + "9").status_code == 404
    counted = downloads.files_of(row.cycle.offer.fund.business).get()
    assert (counted.times, counted.holders) == (2, 1)
    assert AuditRow.objects.filter(action="rewards.DigitalFile.downloaded").count() == 2
    row.refresh_from_db()
    claims.withdraw_rest(row, 0, at=at)
    row.refresh_from_db()
    with pytest.raises(DomainError):
        downloads.take(row.holding.investor, row.pk, file.pk, actor=None, at=at)
    books_are_right()


def test_owners_put_files_there_and_take_them_away() -> None:
    cycle = now_open(2, kind=Offer.Kind.DIGITAL)
    client, slug = owner(cycle.offer.fund), cycle.offer.fund.business.slug
    here = reverse("rewards:offer", args=[slug, cycle.offer_id])
    put = reverse("rewards:offer_files", args=[slug, cycle.offer_id])
    assert client.post(put).status_code == 422
    for bad in (song("page.html", b"<html>"), song("empty.mp3", b" "), song("x.mp3", b"MZ\x90\x00")):
        assert client.post(put, {"file": bad}).status_code == 422
    for _time in range(2):
        assert client.post(put, {"file": song("Lied für Haruka.mp3")}).status_code == 302
    made = DigitalFile.objects.get()
    lost, _key = private.put(downloads.FOLDER, SONG)
    sweep_years_later()
    assert private.storage().exists(made.file) and not private.storage().exists(lost)
    assert "taken 0 times" in " ".join(client.get(here).content.decode().split())
    other = owner(now_open(2, kind=Offer.Kind.DIGITAL).offer.fund)
    assert other.post(put, {"do": f"remove-{made.pk}"}).status_code == 404
    client.post(put, {"do": f"remove-{made.pk}"})
    made.refresh_from_db()
    assert made.removed_at is not None and not private.storage().exists(made.file)
    goods = now_open(2)
    with pytest.raises(DomainError) as wrong:
        downloads.add(goods.offer, io.BytesIO(SONG), name="a.mp3", actor=None, at=timezone.now())
    assert wrong.value.code == "wrong_state"


# --- Acknowledgements and what was passed on ----------------------------------------------------------------------


def test_a_name_stands_on_the_page_of_the_business_until_its_holder_changes_it() -> None:
    cycle = now_open(2, 3, kind=Offer.Kind.ACKNOWLEDGEMENT, value=0)
    row, business = build.row_of(cycle), cycle.offer.fund.business
    client, here = holder_of(row), reverse("rewards:claim", args=[row.pk])
    assert client.post(here, {"card": " "}).status_code == 422
    client.post(here, {"card": "Haruka & <family>"})
    row.refresh_from_db()
    assert row.state == "delivered" and not cycle.batches.exists()
    page = reverse("businesses:detail", args=[business.slug])
    assert "Haruka &amp; &lt;family&gt;" in browser(repay.owner(cycle.offer.fund)).get(page).content.decode()
    client.post(here, {"card": "H. Ito"})
    assert queries.named(cycle.offer.fund) == ["H. Ito"]
    client.post(here, {"card": ""})
    assert queries.named(cycle.offer.fund) == []
    books_are_right()


def test_the_public_page_counts_what_was_passed_on_and_sent() -> None:
    from rewards import fulfilment

    cycle = now_open(4, per_units=2)
    at: Any = timezone.now()
    build.claim(build.row_of(cycle), at=at, donee_id=build.make_donee().pk)
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    assert queries.passed_on(cycle.offer.fund) == 0
    fulfilment.ship(batch, carrier="post", shipped_on=clock.today_in(None, at), actor=repay.staff(), at=at)
    assert queries.passed_on(cycle.offer.fund) == 2
