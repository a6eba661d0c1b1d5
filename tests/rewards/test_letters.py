"""Thank-you letters: written ahead, sent once at their moment, one for each holder, never changed afterwards."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from businesses import services as businesses
from investments import letters as investor_letters
from investments.models import Fund, Holding
from microfund.kernel.errors import DomainError
from microfund.kernel.notices import services
from rewards import letters
from rewards.models import Letter
from tests import make, repay
from tests.businesses.hostile_files import jpeg
from tests.investments.test_mails import check, mails_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def fund() -> Fund:
    return repay.operating(2, 3, periods=2, units_offered=300)


def write(fund: Fund, moment: str = "reopened", **texts: str) -> Letter:
    given = {"text_en": "We are open & well.", "text_ja": "", **texts}
    return letters.save(fund, moment, actor=repay.owner(fund), at=timezone.now(), **given)


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_each_moment_comes_when_it_comes(fund: Fund) -> None:
    assert letters.has_come(fund, "funded") and letters.has_come(fund, "reopened")
    assert not letters.has_come(fund, "recoup") and not letters.has_come(fund, "matured")
    early = write(fund, "recoup")
    with pytest.raises(DomainError) as refused:
        letters.publish(early, actor=repay.owner(fund), at=timezone.now())
    assert refused.value.code == "too_early"
    repay.report(fund, 1, 60_000_000)
    repay.distribute(fund, 1)
    assert letters.has_come(fund, "recoup")


def test_a_letter_is_sent_once_and_stays_as_it_is(fund: Fund, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(investor_letters, "BATCH", 1)
    letter = write(fund)
    for _time in range(2):
        letters.publish(letter, actor=repay.owner(fund), at=timezone.now())
    told = mails_of("letter_arrived")
    assert len(told) == 2
    check(told[0])
    with pytest.raises(DomainError) as refused:
        write(fund, text_en="Other words")
    assert refused.value.code == "published"
    assert Letter.objects.get().text_en == "We are open & well."


def test_the_mail_carries_what_the_owner_drew_or_else_the_picture_of_the_business(fund: Fund) -> None:
    businesses.add_picture(
        fund.business, io.BytesIO(jpeg(900, 450)), alt_en="The pier", alt_ja="桟橋", actor=None, at=timezone.now()
    )
    made = {}
    for moment, own in (("reopened", None), ("funded", io.BytesIO(jpeg(320, 240)))):
        texts = {"text_en": "Thank you.", "text_ja": ""}
        letter = letters.save(fund, moment, actor=repay.owner(fund), at=timezone.now(), picture=own, **texts)
        letters.publish(letter, actor=repay.owner(fund), at=timezone.now())
        made[moment] = next(own for own in mails_of("letter_arrived") if own.key.startswith(f"letter:{letter.pk}:"))
        check(made[moment])
    shop, drawn = made["reopened"].html, made["funded"].html
    assert 'src="cid:picture"' in shop and 'alt="The pier"' in shop
    assert 'width="550"' in shop and 'height="275"' in shop
    assert 'alt="What the business drew or photographed for you"' in drawn and 'width="320"' in drawn
    mail.outbox.clear()
    services.send_due()
    sizes = set()
    for message in mail.outbox:
        if not message.attachments:
            continue  # the others of this fund
        (picture,) = message.attachments
        assert picture["Content-ID"] == "<picture>" and picture.get_content_type() == "image/jpeg"
        with Image.open(io.BytesIO(picture.get_payload(decode=True))) as shown:
            assert shown.format == "JPEG"
            sizes.add(shown.size)
    assert sizes == {(640, 320), (320, 240)}


def test_without_any_picture_the_mail_shows_and_carries_none(fund: Fund) -> None:
    letters.publish(write(fund), actor=repay.owner(fund), at=timezone.now())
    assert "<img" not in mails_of("letter_arrived")[0].html
    mail.outbox.clear()
    services.send_due()
    assert mail.outbox and not mail.outbox[-1].attachments


def test_an_empty_letter_a_long_one_and_an_unknown_moment_are_refused(fund: Fund) -> None:
    with pytest.raises(DomainError):
        letters.publish(write(fund, text_en=" "), actor=repay.owner(fund), at=timezone.now())
    for values in ({"text_ja": "x" * 4_001}, {"moment": "christmas"}):
        with pytest.raises(DomainError):
            write(fund, **values)


def test_each_holder_reads_their_own_and_nobody_elses(fund: Fund) -> None:
    letter = letters.publish(write(fund), actor=repay.owner(fund), at=timezone.now())
    holding = Holding.objects.get(fund=fund, units=3)
    client = browser(holding.investor.user)
    assert "we are open again" in client.get(reverse("rewards:letters")).content.decode()
    page = " ".join(client.get(reverse("rewards:letter", args=[letter.pk])).content.decode().split())
    assert "We are open &amp; well." in page and "For 3 units" in page and holding.investor.name in page
    for user in (make.make_user(), make.make_investor().user):
        assert browser(user).get(reverse("rewards:letter", args=[letter.pk])).status_code == 404


def test_the_owner_writes_saves_and_sends_in_the_studio(fund: Fund) -> None:
    client, here = browser(repay.owner(fund)), reverse("rewards:letter_desk", args=[fund.business.slug])
    key = f"{fund.pk}-reopened"
    text = {"letter": key, f"{key}-text_en": "Come & see us.", f"{key}-text_ja": ""}
    assert "Saved as a draft." in client.post(here, {**text, "do": "save"}, follow=True).content.decode()
    assert client.post(here, {"letter": key, f"{key}-text_en": "", "do": "publish"}).status_code == 422
    assert Letter.objects.get().text_en == "Come & see us."
    lines = "\r\n".join(["a"] * 2_000) + "\r\n"
    assert client.post(here, {"letter": key, f"{key}-text_en": lines, "do": "save"}).status_code == 302
    assert Letter.objects.get().text_en == lines.replace("\r\n", "\n").strip()
    page = client.post(here, {**text, "do": "publish"}, follow=True).content.decode()
    assert "Your supporters have their letter." in page and "Come &amp; see us." in page
    assert client.post(here, {**text, "do": "save"}).status_code == 422
    other = repay.operating(2)
    assert client.post(here, {**text, "letter": f"{other.pk}-reopened"}).status_code == 404
    assert browser(make.make_member(make.make_business())).get(here).status_code == 404
