"""The pages of rewards: a claim on a phone, the owner's season and batch, the till, the mails that lead there."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from businesses.models import Membership
from investments.models import Address, Fund
from microfund.kernel import clock
from microfund.kernel.notices.models import Notice
from rewards import cycles, fulfilment
from rewards.models import Cycle, Entitlement, Offer, Parcel, Voucher
from tests import make, repay
from tests.copies import counted_queries
from tests.investments.test_mails import both_parts_say, check, deliver, mails_of
from tests.repay import books_are_right
from tests.rewards import build

pytestmark = pytest.mark.django_db


def now_open(*units: int, **offer: Any) -> Cycle:
    """A fund whose reward has been open since yesterday."""
    today = clock.today_in(None, timezone.now())
    bought = clock.add_months(today.replace(day=1), -16)
    fund = repay.operating(*units, on=bought, term_starts_on=clock.add_months(today.replace(day=1), -13))
    day = today - timedelta(days=1)
    made = build.make_offer(fund, season_month=day.month, season_day=day.day, starts_on=day, **offer)
    build.open_cycles(timezone.now())
    return made.cycles.get()


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def holder_of(row: Entitlement) -> Client:
    return browser(row.holding.investor.user)


def form(**values: object) -> dict[str, object]:
    return {"to": "new", **build.HOME, **values}


def test_a_reward_is_claimed_to_a_new_address_that_is_kept() -> None:
    cycle = now_open(2, 3)
    row = build.row_of(cycle)
    client = holder_of(row)
    page = client.get(reverse("me")).content.decode()
    assert "Twenty oysters in the shell" in page
    assert "Waiting for your answer" in client.get(reverse("rewards:list")).content.decode()
    here = reverse("rewards:claim", args=[row.pk])
    wrong = client.post(here, form(city="", street="Somewhere <b>"))
    assert wrong.status_code == 422 and "Somewhere &lt;b&gt;" in wrong.content.decode()
    answer = client.post(here, form(keep_as="Mother", gift="on", card="Eat well"), follow=True)
    page = answer.content.decode()
    assert "It is noted" in page and "仙台市青葉区" in page
    assert Address.objects.get().label == "Mother"
    # Next time it can be chosen.
    other = client.post(here, {"to": f"book-{Address.objects.get().pk}"}, follow=True)
    assert "It is noted" in other.content.decode()
    client.post(reverse("rewards:decline", args=[row.pk]))
    row.refresh_from_db()
    assert row.state == "declined"
    books_are_right()


def test_another_persons_reward_answers_404() -> None:
    cycle = now_open(2, 3)
    row = build.row_of(cycle)
    stranger = holder_of(build.row_of(cycle, 1))
    for method, name in (("get", "claim"), ("post", "claim"), ("post", "decline")):
        assert getattr(stranger, method)(reverse(f"rewards:{name}", args=[row.pk])).status_code == 404
    assert browser(make.make_user()).get(reverse("rewards:claim", args=[row.pk])).status_code == 404


def test_when_none_is_left_it_is_said_and_nothing_is_lost() -> None:
    cycle = now_open(2, 3, stock=1)
    build.claim(build.row_of(cycle, 1), at=timezone.now())
    row = build.row_of(cycle)
    answer = holder_of(row).post(reverse("rewards:claim", args=[row.pk]), form())
    assert answer.status_code == 422 and "None is left" in answer.content.decode()


def test_the_list_costs_the_same_for_many_as_for_few() -> None:
    cycle = now_open(2)
    row = build.row_of(cycle)
    client = holder_of(row)

    def queries() -> int:
        with counted_queries() as made:
            assert client.get(reverse("rewards:list")).status_code == 200
        return len(made)

    queries()
    few = queries()
    for month in (1, 3, 5):
        build.make_offer(cycle.offer.fund, season_month=month)
    build.open_cycles(timezone.now())
    assert Entitlement.objects.count() >= 4
    assert queries() == few


# --- The owner ----------------------------------------------------------------------------------------------------


def owner(fund: Fund) -> Client:
    return browser(repay.owner(fund))


def test_an_owner_packs_prints_sends_and_hears_of_it() -> None:
    cycle = now_open(2, 3)
    fund = cycle.offer.fund
    for number in (0, 1):
        build.claim(build.row_of(cycle, number), at=timezone.now(), gift=True, card="Eat well & soon")
    client, slug = owner(fund), fund.business.slug
    page = client.get(reverse("rewards:season", args=[slug])).content.decode()
    assert "Pack 2 parcels" in re.sub(r"\s+", " ", page)
    assert "一番町" not in page
    page = client.post(reverse("rewards:pack", args=[slug, cycle.pk]), follow=True).content.decode()
    assert page.count("一番町1-2-3") == 2 and "Eat well &amp; soon" in page
    batch = cycle.batches.get()
    listed = client.post(reverse("rewards:export", args=[slug, batch.pk, "list"]))
    assert listed.headers["Content-Type"] == "application/pdf"
    assert client.get(reverse("rewards:export", args=[slug, batch.pk, "list"])).status_code == 405
    assert client.post(reverse("rewards:export", args=[slug, batch.pk, "secrets"])).status_code == 302
    one = build.row_of(cycle)
    today = clock.today_in(None, timezone.now()).isoformat()
    here = reverse("rewards:batch", args=[slug, batch.pk])
    wrong = client.post(here, {"carrier": "post", "shipped_on": "2999-01-01"})
    assert wrong.status_code == 422 and "has not come yet" in wrong.content.decode()
    sent = {"carrier": "post", "shipped_on": today, "parcel": [one.pk], f"tracking-{one.pk}": "1234-5678"}
    assert "1 parcels are marked" in client.post(here, sent, follow=True).content.decode()
    told = mails_of("reward_sent")
    assert [notice.recipient for notice in told] == [one.holding.investor.user.email]
    both_parts_say(told[0], "1234-5678", "Japan Post")
    act = reverse("rewards:parcel", args=[slug, batch.pk, one.pk])
    client.post(act, {"do": "problem", "problem": "unknown", "note": "No such house."})
    both_parts_say(mails_of("reward_problem")[0], "No such house.")
    assert "came back" in holder_of(one).get(reverse("me")).content.decode()
    client.post(act, {"do": "substitute", "note": "A jar of paste"})
    one.refresh_from_db()
    assert one.state == "substituted"


def test_the_studio_of_rewards_is_for_owners_of_the_business_alone() -> None:
    cycle = now_open(2)
    build.claim(build.row_of(cycle), at=timezone.now())
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=timezone.now())
    slug = cycle.offer.fund.business.slug
    editor = browser(make.make_member(cycle.offer.fund.business, role=Membership.Role.EDITOR))
    stranger = browser(make.make_member(make.make_business()))
    other = make.make_business()
    at_home = browser(make.make_member(other))
    for client in (editor, stranger):
        assert client.get(reverse("rewards:season", args=[slug])).status_code == 404
        assert client.get(reverse("rewards:batch", args=[slug, batch.pk])).status_code == 404
    # One's own business with another's batch.
    assert at_home.get(reverse("rewards:batch", args=[other.slug, batch.pk])).status_code == 404
    assert at_home.post(reverse("rewards:pack", args=[other.slug, cycle.pk])).status_code == 404
    assert at_home.post(reverse("rewards:export", args=[other.slug, batch.pk, "list"])).status_code == 404
    assert editor.get(reverse("rewards:till", args=[slug])).status_code == 200


def test_a_voucher_is_shown_with_its_picture_and_used_at_the_till() -> None:
    cycle = now_open(2, kind=Offer.Kind.VOUCHER, value=2_000)
    row = build.row_of(cycle)
    page = holder_of(row).post(reverse("rewards:claim", args=[row.pk]), {}, follow=True).content.decode()
    voucher = Voucher.objects.get()
    assert "<svg" in page and f"{voucher.code[:4]}-{voucher.code[4:8]}" in page
    client = owner(cycle.offer.fund)
    here = reverse("rewards:till", args=[cycle.offer.fund.business.slug])
    shown = client.get(here, {"code": voucher.code.lower()}).content.decode()
    token = re.search(r'name="form_token" value="([^"]+)"', shown)
    assert token and "¥2,000" in shown
    data = {"code": voucher.code, "amount": 800, "form_token": token[1]}
    for _time in range(2):
        assert "¥1,200" in client.post(here, data, follow=True).content.decode()
    assert client.post(here, {**data, "amount": 9_999, "form_token": "0" * 32}).status_code == 422
    assert "no voucher" in client.get(here, {"code": "NOSUCHCODE"}).content.decode()


# --- Mails --------------------------------------------------------------------------------------------------------


def test_who_may_claim_hears_of_it_is_reminded_once_and_the_owner_of_what_to_pack() -> None:
    cycle = now_open(2, 3)
    repay.owner(cycle.offer.fund)
    ready = mails_of("reward_ready")
    assert len(ready) == 2
    for notice in ready:
        check(notice)
    both_parts_say(ready[0], "Twenty oysters in the shell")
    build.claim(build.row_of(cycle), at=timezone.now())
    soon = cycle.closes_on - timedelta(days=5)
    for _time in range(2):
        cycles.remind_due(on=soon, at=make.at_noon(soon))
    assert len(mails_of("reward_reminder")) == 1
    check(mails_of("reward_reminder")[0])
    over = build.after_closing(cycle)
    cycles.close_due(on=over.date(), at=over)
    deliver()
    home = owner(cycle.offer.fund).get(reverse("studio:home")).content.decode()
    assert "Send the parcels: Twenty oysters in the shell" in home
    packing = mails_of("parcels_to_pack")
    assert len(packing) == 1
    check(packing[0])
    both_parts_say(packing[0], "Twenty oysters in the shell")
    assert Notice.objects.filter(kind="reward_ready").count() == 2


# --- The address book ---------------------------------------------------------------------------------------------


def test_addresses_are_kept_changed_and_removed_by_their_owner_alone() -> None:
    investor = make.make_investor()
    client = browser(investor.user)
    new = reverse("investments:address_new")
    refused = client.post(new, {"label": "Home", **build.HOME, "postal_code": "12"})
    assert refused.status_code == 422
    client.post(new, {"label": "Home", **build.HOME})
    row = Address.objects.get()
    assert row.address == build.HOME
    assert client.post(new, {"label": "Home", **build.HOME}).status_code == 422
    client.post(reverse("investments:address", args=[row.pk]), {"label": "Office", **build.HOME, "city": "盛岡市"})
    row.refresh_from_db()
    assert (row.label, row.address["city"]) == ("Office", "盛岡市")
    assert "盛岡市" in client.get(reverse("investments:addresses")).content.decode()
    stranger = browser(make.make_investor().user)
    assert stranger.get(reverse("investments:address", args=[row.pk])).status_code == 404
    assert stranger.post(reverse("investments:address_remove", args=[row.pk])).status_code == 404
    client.post(reverse("investments:address_remove", args=[row.pk]))
    assert not Address.objects.exists()


def test_there_is_an_end_to_how_many_addresses_one_keeps() -> None:
    investor = make.make_investor()
    client = browser(investor.user)
    for number in range(21):
        answer = client.post(reverse("investments:address_new"), {"label": f"A{number}", **build.HOME})
    assert answer.status_code == 422 and Address.objects.count() == 20
    assert Parcel.objects.count() == 0
