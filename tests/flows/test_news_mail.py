"""The mail about a post, looked at whole before it goes out (pages.md O3): the one that followers then get."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from businesses.following import services as following
from businesses.models import Business, Post
from microfund.kernel.notices.models import Notice
from tests import make
from tests.flows.test_studio import address, browser_of, jpeg, of_post
from tests.investments.test_mails import deliver

pytestmark = pytest.mark.django_db


def drafted(business: Business, owner: Any, **values: Any) -> tuple[Client, Post]:
    client = browser_of(owner)
    post = make.make_post(business=business, author=owner, state="draft", **values)
    change = of_post(post, do="photo", photo=jpeg(), photo_alt="The last raft")
    assert client.post(address("news_edit", business, post.pk), change).status_code == 302
    return client, Post.objects.get(pk=post.pk)


def test_the_whole_mail_is_shown_before_publishing_and_is_the_one_that_followers_get() -> None:
    business = make.make_business()
    client, post = drafted(business, make.make_member(business))
    readers = {language: make.make_user(language=language) for language in ("en", "ja")}
    for language, user in readers.items():
        following.follow_by_account(business, user, cadence="instant", language=language, at=timezone.now())
    following.follow_by_account(business, make.make_user(), cadence="weekly", language="en", at=timezone.now())
    page = client.get(address("news_publish", business, post.pk))
    text = re.sub(r"\s+", " ", page.content.decode())
    assert "2 people get the mail below at once" in text and "1 person finds it in the mail of the week" in text
    assert text.index("To those who read English") < text.index("To those who read 日本語")
    assert "frame-src 'self'" in page["Content-Security-Policy"]
    assert not Notice.objects.exists(), "looking sends nothing"
    shown = {}
    for language in readers:
        frame = client.get(address("news_mail", business, post.pk, language))
        shown[language] = frame.content.decode()
        assert "sandbox" in frame["Content-Security-Policy"] and frame["X-Frame-Options"] == "SAMEORIGIN"
    assert client.get(address("news_mail", business, post.pk, "fr")).status_code == 404
    client.post(address("news_publish", business, post.pk), {"when": "now", "do": "publish"})
    deliver()
    sent = {row.language: row for row in Notice.objects.filter(kind="news_posted")}
    assert set(sent) == {"en", "ja"}
    for language, row in sent.items():
        assert unescape(row.subject) in unescape(text) and row.text.split("\n")[0] in unescape(text)
        # Only the link that stops the mails is each reader's own.
        assert without_links(row.html) == without_links(shown[language])
        assert 'alt="The last raft"' in row.html and f'src="{settings.SITE_URL}/media/' in row.html


def test_a_mail_about_news_for_supporters_has_no_picture_and_only_its_beginning() -> None:
    business = make.make_business()
    source = "We have chosen a name for it. " * 6 + "It will be Asanagi."
    client, post = drafted(business, make.make_member(business), visibility="supporters", source=source)
    shown = client.get(address("news_mail", business, post.pk, "en")).content.decode()
    assert "<img" not in shown and "Asanagi" not in shown and "sign in to read it" in shown


def test_nobody_else_sees_the_mail_of_a_draft() -> None:
    business = make.make_business()
    _client, post = drafted(business, make.make_member(business))
    for user in (make.make_user(), make.make_member(make.make_business()), make.make_user(is_staff=True)):
        assert browser_of(user).get(address("news_mail", business, post.pk, "en")).status_code == 404


def without_links(html: str) -> str:
    return re.sub(r'href="[^"]*follow[^"]*"', "", html)
