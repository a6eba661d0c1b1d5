"""News for readers through HTTP: lists, the locked text, thanks, comments, feeds, following without an account."""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from businesses.following import mails
from businesses.models import Comment, Follow, Post, Thanks
from businesses.news import services
from microfund.kernel.notices.models import Notice
from tests import make
from tests.copies import counted_queries
from tests.flows.test_studio import browser_of, jpeg

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"
SECRET = "The boat will be called Asanagi."


@pytest.fixture(autouse=True)
def _no_counters() -> None:
    cache.clear()


def address_of(post: Post) -> str:
    return reverse("businesses:news_post", args=[post.business.slug, post.pk, post.words])


def locked(**values: Any) -> Post:
    return make.make_post(visibility="supporters", source="We have chosen a name for it. " * 6 + SECRET, **values)


# --- Reading ------------------------------------------------------------------------------------------------------


def test_news_stand_on_every_list_newest_first_and_nothing_unpublished_does() -> None:
    business = make.make_business()
    for number in range(4):
        make.make_post(business=business, title=f"News {number}")
    for state in ("draft", "scheduled", "withdrawn"):
        make.make_post(business=business, state=state, title="Hidden words")
    make.make_post(business=make.make_business(state="draft"), state="draft", title="Hidden words")
    pages = {
        "/": 3,
        reverse("businesses:detail", args=[business.slug]): 3,
        reverse("businesses:news", args=[business.slug]): 4,
        reverse("stories"): 4,
    }
    for page, shown in pages.items():
        text = Client().get(page).content.decode()
        found = re.findall(r">News (\d)<", text)
        assert found == [str(number) for number in range(3, 3 - shown, -1)], page
        assert "Hidden words" not in text, page


def test_a_list_can_be_of_one_business_and_has_pages() -> None:
    first, second = make.make_business(), make.make_business()
    for _number in range(13):
        make.make_post(business=first, title="Of the first")
    make.make_post(business=second, title="Of the second")
    text = Client().get(reverse("stories"), {"business": second.slug}).content.decode()
    assert "Of the second" in text and "Of the first" not in text
    assert 'rel="next"' in Client().get(reverse("stories")).content.decode()
    assert Client().get(reverse("stories"), {"page": 2, "business": first.slug}).status_code == 200
    for page in ("3", "0", "x", "9" * 30):
        assert Client().get(reverse("stories"), {"page": page, "business": first.slug}).status_code == 404
    unknown = Client().get(reverse("stories"), {"business": "<script>"})
    assert (
        "There is no news of such a business or town" in unknown.content.decode()
        and b"<script>&" not in unknown.content
    )


def test_the_address_of_a_post() -> None:
    post = make.make_post(title="The rafts, back!")
    assert address_of(post).endswith(f"/news/{post.pk}-the-rafts-back/")
    moved = Client().get(reverse("businesses:news_post", args=[post.business.slug, post.pk, "old-title"]))
    assert (moved.status_code, moved["Location"]) == (301, address_of(post))
    other = make.make_business()
    assert Client().get(reverse("businesses:news_post", args=[other.slug, post.pk, post.words])).status_code == 404
    for state in ("draft", "scheduled"):
        assert Client().get(address_of(make.make_post(state=state))).status_code == 404
    gone = Client().get(address_of(make.make_post(state="withdrawn", source="Hidden words")))
    assert gone.status_code == 410 and b"Hidden words" not in gone.content
    assert "/1-news/" in reverse("businesses:news_post", args=["x", 1, make.make_post(title="筏").words])


def test_a_text_keeps_its_language_and_its_markup_in_both_frames() -> None:
    post = make.make_post(title="筏が戻りました", source="**今日**、最後の筏。", language="ja")
    text = Client().get(address_of(post)).content.decode()
    assert '<h1 lang="ja">筏が戻りました</h1>' in text and '<html lang="en"' in text
    assert "<strong>今日</strong>" in text


# --- For supporters -----------------------------------------------------------------------------------------------


def test_strangers_see_title_beginning_and_the_way_in() -> None:
    post = locked()
    services.add_photo(post, jpeg(), alt="The new boat itself", actor=post.author, at=timezone.now())
    for client in (Client(), browser_of(make.make_user()), browser_of(make.make_supporter(make.make_business()))):
        answer = client.get(address_of(post))
        text = answer.content.decode()
        assert answer.status_code == 200 and post.title in text and post.excerpt in text
        assert "Asanagi" not in text and "The new boat itself" not in text and "The rest is for supporters" in text
        assert "no-store" in answer["Cache-Control"] or "no-cache" in answer["Cache-Control"]
    assert f"{reverse('account_login')}?next=" in Client().get(address_of(post)).content.decode()
    for page in (reverse("stories"), reverse("businesses:news", args=[post.business.slug]), "/"):
        assert "Asanagi" not in Client().get(page).content.decode()


def test_who_has_paid_the_people_of_the_business_and_staff_read_all_of_it() -> None:
    from microfund.kernel.accounts.roles import SUPPORT
    from tests.site.staff import make_staff

    post = locked()
    readers = [make.make_supporter(post.business), post.author, make_staff(SUPPORT)]
    for reader in readers:
        client = Client()
        client.force_login(reader, backend="allauth.account.auth_backends.AuthenticationBackend")
        assert SECRET in client.get(address_of(post)).content.decode()


def test_an_order_that_is_not_paid_or_came_back_opens_nothing() -> None:
    post = locked()
    order = make.make_order(fund=make.make_fund(business=post.business), method="card")
    assert SECRET not in browser_of(order.investor.user).get(address_of(post)).content.decode()


# --- Thanks and comments ------------------------------------------------------------------------------------------


def test_thanks_are_for_people_who_are_logged_in_once_each() -> None:
    post = make.make_post()
    door = reverse("businesses:news_thanks", args=[post.business.slug, post.pk])
    assert Client().post(door)["Location"].startswith(reverse("account_login"))
    reader = browser_of(make.make_user())
    for _time in range(2):
        reader.post(door, {"do": "thank"})
    assert Thanks.objects.count() == 1 and "1 reader said thank you" in Client().get(address_of(post)).content.decode()
    reader.post(door, {"do": "back"})
    assert not Thanks.objects.exists() and reader.get(door).status_code == 405
    hidden = make.make_post(state="draft")
    assert reader.post(reverse("businesses:news_thanks", args=[hidden.business.slug, hidden.pk])).status_code == 404


def say(client: Client, post: Post, **values: Any) -> Any:
    door = reverse("businesses:news_comment", args=[post.business.slug, post.pk])
    return client.post(door, {"name": "Ann", "text": "Well done", "form_token": uuid.uuid4(), **values})


def test_comments_are_for_supporters_and_the_business() -> None:
    post = make.make_post()
    for client in (browser_of(make.make_user()), browser_of(make.make_supporter(make.make_business()))):
        assert say(client, post).status_code == 404
        assert "Write a comment" not in client.get(address_of(post)).content.decode()
    assert say(Client(), post).status_code == 302 and not Comment.objects.exists()
    supporter = browser_of(make.make_supporter(post.business))
    token = uuid.uuid4()
    for _time in range(2):
        say(supporter, post, text="<script>alert(1)</script>\n\nBravo", form_token=token)
    say(browser_of(post.author), post, name="Sho")
    text = Client().get(address_of(post)).content.decode()
    assert Comment.objects.count() == 2 and "<script>alert" not in text and "Bravo" in text
    assert text.count("from the business") == 1
    wrong = say(supporter, post, text="a" * 1_001)
    assert wrong.status_code == 200 and "<title>Error:" in wrong.content.decode()
    assert say(supporter, post, name="").status_code == 200 and Comment.objects.count() == 2


def test_nobody_floods_a_page_with_comments() -> None:
    post = make.make_post()
    supporter = browser_of(make.make_supporter(post.business))
    answers = [say(supporter, post).status_code for _time in range(12)]
    assert answers == [302] * 10 + [429] * 2 and Comment.objects.count() == 10


def test_owners_remove_a_comment_with_a_reason_and_nobody_else_does_on_the_page() -> None:
    from microfund.kernel.accounts.roles import SUPPORT
    from tests.site.staff import make_staff

    post = make.make_post()
    writer = make.make_supporter(post.business)
    say(browser_of(writer), post, text="A neighbour's address")
    comment = Comment.objects.get()
    door = reverse("businesses:comment_remove", args=[post.business.slug, post.pk, comment.pk])
    others = [writer, make.make_member(post.business, role="editor"), make.make_member(make.make_business())]
    others.append(make_staff(SUPPORT))
    for user in others:
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        assert client.get(door).status_code == client.post(door, {"reason": "x"}).status_code == 404
    owner = browser_of(post.author)
    assert owner.post(door, {"reason": ""}).status_code == 200
    owner.post(door, {"reason": "Names a private address"})
    text = Client().get(address_of(post)).content.decode()
    assert "A comment was removed: Names a private address" in text and "neighbour" not in text
    assert owner.get(door).status_code == 404
    other = make.make_post(business=post.business, author=post.author)
    say(browser_of(writer), post)
    elsewhere = reverse("businesses:comment_remove", args=[post.business.slug, other.pk, Comment.objects.last().pk])
    assert owner.get(elsewhere).status_code == 404


def test_staff_remove_a_comment_and_a_post_in_their_console() -> None:
    from microfund.kernel.accounts.roles import SUPPORT
    from tests.site.staff import act_of, console, make_staff

    post = make.make_post()
    say(browser_of(make.make_supporter(post.business)), post, text="An insult")
    client = console(make_staff(SUPPORT))
    comment = Comment.objects.get()
    client.post(act_of(comment, "remove"), {"reason": "Insults a person"})
    assert "A comment was removed: Insults a person" in Client().get(address_of(post)).content.decode()
    client.post(act_of(post, "withdraw"), {"reason": "Not theirs to tell"})
    assert Client().get(address_of(post)).status_code == 410


def test_a_page_makes_as_many_queries_for_thirty_comments_and_posts_as_for_three() -> None:
    post = make.make_post()
    writer = make.make_supporter(post.business)

    def comments(number: int) -> None:
        for _each in range(number):
            Comment.objects.create(post=post, author=writer, name="Ann", text="Well", created_at=timezone.now())

    def counts() -> list[int]:
        found = []
        for page in (address_of(post), reverse("stories"), reverse("businesses:news", args=[post.business.slug]), "/"):
            cache.clear()
            with counted_queries() as statements:
                assert Client().get(page).status_code == 200
            found.append(len(statements))
        return found

    comments(3)
    for _number in range(3):
        services.add_photo(make.make_post(), jpeg(), alt="A boat", actor=post.author, at=timezone.now())
    few = counts()
    comments(27)
    for _number in range(8):
        other = make.make_post(business=post.business, author=post.author)
        services.add_photo(other, jpeg(), alt="A boat", actor=post.author, at=timezone.now())
    assert counts() == few and max(few) <= 12


# --- Feeds --------------------------------------------------------------------------------------------------------


def feed(address: str) -> ElementTree.Element:
    answer = Client().get(address)
    assert answer.status_code == 200 and answer["Content-Type"].startswith("application/atom+xml")
    return ElementTree.fromstring(answer.content)  # noqa: S314 - our own answer


def test_feeds_hold_public_posts_only_under_ids_that_stay(settings: Any) -> None:
    settings.SITE_URL = "https://www.tomobune.example"
    post = make.make_post(title="Before & after", source="**Bold** <b>text</b>")
    locked(business=post.business, author=post.author)
    make.make_post(business=post.business, author=post.author, state="withdrawn")
    make.make_post()
    own = feed(reverse("businesses:news_feed", args=[post.business.slug]))
    (entry,) = own.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}id") == f"tag:www.tomobune.example,2026:news/{post.pk}"
    assert entry.findtext(f"{ATOM}title") == "Before & after"
    assert "<strong>Bold</strong>" in (entry.findtext(f"{ATOM}content") or "")
    assert entry.findtext(f"{ATOM}updated") and entry.find(f"{ATOM}author") is not None
    assert len(feed(reverse("news_feed")).findall(f"{ATOM}entry")) == 2
    before = entry.findtext(f"{ATOM}id")
    services.save(
        post, title="Other words", source=post.source, language="en", visibility="public", version=post.version,
        actor=post.author, at=timezone.now(),
    )  # fmt: skip
    again = feed(reverse("businesses:news_feed", args=[post.business.slug])).find(f"{ATOM}entry")
    assert again is not None and again.findtext(f"{ATOM}id") == before
    ids = {feed(address).findtext(f"{ATOM}id") for address in ("/feeds/news.atom", "/ja/feeds/news.atom")}
    assert len(ids) == 2


def test_a_feed_without_news_is_valid_and_stays_the_same() -> None:
    business = make.make_business()
    for address in (reverse("news_feed"), reverse("businesses:news_feed", args=[business.slug])):
        empty = feed(address)
        assert empty.findall(f"{ATOM}entry") == []
        for part in ("id", "title", "updated", "author"):
            assert empty.find(f"{ATOM}{part}") is not None, part
        assert Client().get(address).content == Client().get(address).content
    hidden = make.make_business(state="draft")
    assert Client().get(reverse("businesses:news_feed", args=[hidden.slug])).status_code == 404


# --- Following ----------------------------------------------------------------------------------------------------


def body_of(answer: Any) -> str:
    return re.sub(r'value="[A-Za-z0-9]{64}"', "", answer.content.decode())


def test_the_answer_never_tells_whether_an_address_is_known() -> None:
    business = make.make_business()
    door = reverse("businesses:follow", args=[business.slug])
    known = make.make_user()
    pages = set()
    for email in (known.email, "new@example.com", "new@example.com", known.email):
        answer = Client().post(door, {"email": email, "cadence": "instant"})
        assert (answer.status_code, answer["Location"]) == (
            302,
            reverse("businesses:follow_asked", args=[business.slug]),
        )
        pages.add(body_of(Client().get(answer["Location"])))
    assert len(pages) == 1
    assert not Follow.objects.filter(confirmed_at__isnull=False).exists()


def test_from_the_form_to_the_mail_and_away_again() -> None:
    business = make.make_business()
    visitor = Client()
    visitor.post(reverse("businesses:follow", args=[business.slug]), {"email": "a@example.com", "cadence": "weekly"})
    match = re.search(r"http://[^/]+(/follow/\S+/)", Notice.objects.get().text)
    assert match
    assert "Yes, I follow" in visitor.get(match[1]).content.decode()
    assert Follow.objects.get().confirmed_at is None, "opening the link is not enough: mail programs open links too"
    assert "Mails once a week" in visitor.post(match[1]).content.decode()
    row = Follow.objects.get()
    assert row.confirmed_at and row.cadence == "weekly"
    end = reverse("unfollow", args=[mails.token_to_end(row)])
    assert "No more mails about" in visitor.get(end).content.decode()
    assert Follow.objects.get().ended_at is None
    # As a mail program does it: no cookie, no token of a form (RFC 8058).
    program = Client(enforce_csrf_checks=True)
    assert program.post(end, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Follow.objects.get().ended_at is not None
    assert "You get no more of these mails" in visitor.get(end).content.decode()
    row.delete()
    assert "You get no more of these mails" in visitor.post(end).content.decode()
    for wrong in ("x", match[1].split("/")[2]):
        assert visitor.post(reverse("unfollow", args=[wrong])).status_code == 404
        assert visitor.post(reverse("follow_confirm", args=["x" + wrong])).status_code == 404


def test_too_many_requests_of_one_visitor_are_refused() -> None:
    business = make.make_business()
    door = reverse("businesses:follow", args=[business.slug])
    answers = [
        Client().post(door, {"email": f"p{number}@example.com", "cadence": "instant"}).status_code
        for number in range(12)
    ]
    assert answers == [302] * 10 + [429] * 2 and Follow.objects.count() == 10
    for wrong in ({"email": "x"}, {"email": "a@example.com", "cadence": "hourly"}, {}):
        assert "<title>Error:" in Client().post(door, wrong).content.decode()


def test_an_account_follows_at_once_changes_how_often_and_stops() -> None:
    business, user = make.make_business(), make.make_user()
    client = browser_of(user)
    door = reverse("businesses:follow", args=[business.slug])
    client.post(door, {"cadence": "instant"})
    client.post(door, {"cadence": "weekly"})
    row = Follow.objects.get()
    assert (row.user, row.email, row.cadence) == (user, "", "weekly") and not Notice.objects.exists()
    assert business.name_en in client.get(reverse("following")).content.decode()
    end = reverse("businesses:follow_end", args=[business.slug])
    assert browser_of(make.make_user()).post(end).status_code == 404
    client.post(end)
    assert "You follow no business" in client.get(reverse("following")).content.decode()
    client.post(door, {"cadence": "instant"})
    assert Follow.objects.get().ended_at is None
    hidden = make.make_business(state="draft")
    assert client.get(reverse("businesses:follow", args=[hidden.slug])).status_code == 404
