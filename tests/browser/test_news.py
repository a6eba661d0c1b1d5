"""News in a real browser: written with the toolbar and a live preview, kept through closed tabs, second devices and a
lost connection; and all of it without scripts, by keyboard and on a phone."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from PIL import Image

from businesses.following import services as following
from businesses.models import Post
from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = (390, 844)
SOURCE = "[name=source]"
#: A little more than the time between two saves.
LATER = 10_500


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 400), "teal").save(out, "JPEG")
    return out.getvalue()


def saved(visitor: Visitor, words: str = "Saved as a draft.") -> None:
    """Let the time of the next save come, and wait for what the page says about it."""
    visitor.page.clock.run_for(LATER)
    visitor.page.wait_for_function(
        "words => document.querySelector('[data-status]').textContent.includes(words)", arg=words
    )


@pytest.mark.parametrize("size", [PHONE, (320, 640)])
def test_an_owner_on_a_phone_writes_sees_and_publishes(
    shop: Shop, visit: Callable[..., Visitor], size: tuple[int, int]
) -> None:
    business = make.make_business()
    reader = make.make_user(email=f"reader-{size[0]}@example.com")
    following.follow_by_account(business, reader, cadence="instant", language="en", at=timezone.now())
    visitor = visit(user=make.make_member(business), size=size)
    page = visitor.page
    page.clock.install()
    visitor.open("studio:home")
    page.locator("main").get_by_role("link", name=business.name_en).first.click()
    visitor.arrive("studio:business", business.slug)
    visitor.follow("Write news")
    visitor.arrive("studio:news_new", business.slug)
    measure = (
        "all => all.map(one => one.getBoundingClientRect()).map(box => Math.round(Math.min(box.width, box.height)))"
    )
    heights = page.locator(".toolbar button, .editor__actions button").evaluate_all(measure)
    assert len(heights) == 8 and min(heights) >= 44
    page.fill("[name=title]", "The rafts are back")
    page.click(SOURCE)
    page.get_by_role("button", name="Bold", exact=True).click()
    assert page.input_value(SOURCE) == "**bold**"
    page.keyboard.type("Today")
    page.keyboard.press("End")
    page.keyboard.type(" we tied the last raft. <script>alert(1)</script>")
    page.clock.run_for(1_000)
    preview = page.locator("[data-preview-body]")
    # A slow hand is shown half a text first: the whole one is waited for.
    preview.filter(has_text="<script>alert(1)</script>").wait_for()
    assert preview.locator("strong", has_text="Today").count() == 1 and preview.locator("script").count() == 0
    saved(visitor)
    assert "/edit/" in page.url and Post.objects.get().source.startswith("**Today** we tied")
    for words in ("The last raft", "Its ropes"):
        page.set_input_files("[name=photo]", {"name": "raft.jpg", "mimeType": "image/jpeg", "buffer": jpeg()})
        page.fill("[name=photo_alt]", words)
        visitor.press("Add the photo")
        assert page.get_by_alt_text(words).count() == 1 and visitor.sideways() == []
    visitor.press("Continue to publish")
    visitor.arrive("studio:news_publish", business.slug, Post.objects.get().pk)
    visitor.press("Publish")
    visitor.follow("See it")
    assert visitor.heading == "The rafts are back" and visitor.sideways() == []
    assert Post.objects.get().state == "published"
    if size == PHONE:
        _a_follower_reads_it_from_the_mail(shop, visit, reader.email)


def _a_follower_reads_it_from_the_mail(shop: Shop, visit: Callable[..., Visitor], email: str) -> None:
    for _step in ("the post is out", "its followers are written to", "the mails are sent"):
        shop.work()
    sent = next(sent for sent in mail.outbox if email in sent.to)
    link = re.search(r"https?://\S+/news/\S+", sent.body)
    assert link and "The rafts are back" in sent.subject
    # The follower has not logged in on this telephone, and supports nothing.
    stranger = visit(size=PHONE)
    stranger.page.goto(link[0])
    assert stranger.heading == "The rafts are back" and stranger.page.locator("article img").count() == 2
    assert stranger.page.locator("textarea[name=text]").count() == 0, "comments are closed to strangers"


def test_a_draft_survives_a_closed_tab_and_two_devices_overwrite_nothing(
    shop: Shop, visit: Callable[..., Visitor]
) -> None:
    post = make.make_post(state="draft", source="Begun.")
    boat, office = visit(user=post.author), visit(user=post.author)
    for visitor in (boat, office):
        visitor.page.clock.install()
        visitor.open("studio:news_edit", post.business.slug, post.pk)
    boat.page.fill(SOURCE, "From the boat.")
    saved(boat)
    boat.page.close()
    post.refresh_from_db()
    assert (post.source, post.version) == ("From the boat.", 2)
    office.page.fill(SOURCE, "From the office.")
    saved(office, "Changed on another device")
    office.page.clock.run_for(3 * LATER)
    post.refresh_from_db()
    assert post.source == "From the boat.", "a text that came too late is not sent again by itself"
    office.press("Save draft")
    assert "Changed on another device" in office.main
    assert office.page.input_value("#other_text") == "From the boat."
    assert office.page.input_value(SOURCE) == "From the office."
    office.press("Save draft")
    post.refresh_from_db()
    assert post.source == "From the office."


def test_without_a_connection_the_text_stays_on_the_device(shop: Shop, chromium: Any) -> None:
    # Not watched: a browser without a connection complains, as it should.
    post = make.make_post(state="draft", source="Begun.")
    context = chromium.new_context()
    try:
        client = Client()
        client.force_login(post.author)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": shop.url}])
        address = f"{shop.url}/studio/{post.business.slug}/news/{post.pk}/edit/"
        page = context.new_page()
        visitor = Visitor(context, page, site=shop.url, language="en")
        page.clock.install()
        page.goto(address)
        context.set_offline(True)
        page.fill(SOURCE, "Written far out.")
        saved(visitor, "No connection.")
        page.close()
        context.set_offline(False)
        assert Post.objects.get().source == "Begun."
        again = context.new_page()
        again.goto(address)
        again.get_by_role("button", name="Put it in").click()
        assert again.input_value(SOURCE) == "Written far out."
        again.get_by_role("button", name="Save draft").click()
        again.get_by_text("Saved.", exact=True).wait_for()
        assert Post.objects.get().source == "Written far out."
        assert again.get_by_role("button", name="Put it in").count() == 0, "what has arrived is not offered again"
    finally:
        context.close()


def test_the_toolbar_is_one_stop_of_the_tab_key_and_moves_by_arrows(shop: Shop, visit: Callable[..., Visitor]) -> None:
    business = make.make_business()
    visitor = visit(user=make.make_member(business))
    page = visitor.page
    visitor.open("studio:news_new", business.slug)
    page.fill(SOURCE, "rope")
    page.focus("[name=title]")
    page.keyboard.press("Tab")
    named = "() => document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(named) == "Bold"
    for name in ("Slanted", "Heading", "List", "Link", "Bold"):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(named) == name
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.name") == "source"
    page.evaluate("() => document.querySelector('[name=source]').select()")
    page.get_by_role("button", name="Link", exact=True).click()
    assert page.input_value(SOURCE) == "[rope](https://)"
    assert page.evaluate("() => getSelection().toString()") == "https://"


def test_everything_works_without_scripts_in_japanese(shop: Shop, visit: Callable[..., Visitor]) -> None:
    business = make.make_business()
    owner = make.make_member(business)
    visitor = visit(user=owner, language="ja", java_script_enabled=False, size=PHONE)
    page = visitor.page
    visitor.open("studio:news_new", business.slug)
    assert page.locator(".toolbar").is_hidden()
    page.fill("[name=title]", "筏が戻りました")
    page.fill(SOURCE, "**今日**、最後の筏を結びました。")
    visitor.press("Preview")
    assert page.locator("#preview strong").inner_text() == "今日"
    visitor.press("Continue to publish")
    visitor.press("Publish")
    post = Post.objects.get()
    reader = visit(user=make.make_supporter(business), language="ja", java_script_enabled=False, size=PHONE)
    reader.open("businesses:news_post", business.slug, post.pk, "news")
    reader.press("Thank you")
    assert "1人の読者" in reader.main
    reader.page.fill("[name=name]", "遥")
    reader.page.fill("[name=text]", "おかえりなさい。")
    reader.press("Send the comment")
    assert "おかえりなさい。" in reader.main and reader.sideways() == []
    stranger = visit(language="ja", java_script_enabled=False, size=(320, 640))
    stranger.open("businesses:follow", business.slug)
    stranger.page.fill("[name=email]", "a@example.com")
    stranger.press("Follow")
    stranger.arrive("businesses:follow_asked", business.slug)
