"""News: what is typed becomes what is read, states, versions, photos, and one mail a post and person."""

from __future__ import annotations

import io
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone
from PIL import Image

from businesses import images
from businesses.models import Post, PostPhoto
from businesses.news import answers, queries, services, text
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.models import Event
from tests import make

pytestmark = pytest.mark.django_db


def refused(code: str) -> Any:
    class Refused:
        def __enter__(self) -> Any:
            self.context = pytest.raises(DomainError)
            self.info = self.context.__enter__()
            return self.info

        def __exit__(self, *error: Any) -> bool:
            caught = self.context.__exit__(*error)
            assert self.info.value.code == code
            return bool(caught)

    return Refused()


def picture(*, orientation: int = 1, gps: bool = False, size: tuple[int, int] = (400, 200)) -> io.BytesIO:
    """A JPEG, red on the left and blue on the right, with what a camera notes."""
    board = Image.new("RGB", size, "blue")
    board.paste("red", (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if gps:
        exif[0x8825] = {1: "N", 2: (38.0, 54.0, 0.0)}
    out = io.BytesIO()
    board.save(out, "JPEG", exif=exif, quality=95)
    out.seek(0)
    return out


def save(post: Post, **changes: Any) -> Post:
    values = {name: getattr(post, name) for name in ("title", "source", "language", "visibility", "version")}
    return services.save(post, **{**values, "actor": post.author, "at": timezone.now(), **changes})


# --- Text ---------------------------------------------------------------------------------------------------------


def test_markdown_becomes_html_below_the_title() -> None:
    made = text.render("# Spring\n\nThe **first** *basket*:\n\n- rope\n- net\n\n[The bay](https://example.com/bay)")
    assert "<h2>Spring</h2>" in made and "<strong>first</strong>" in made and "<li>rope</li>" in made
    assert 'href="https://example.com/bay"' in made and "nofollow" in made and "noopener" in made
    assert "<h1" not in made and "<h4>" in text.render("###### deep")


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<a href='javascript:alert(1)'>x</a>",
        "![x](javascript:alert(1))",
        "![x](https://example.com/pixel.png)",
        '[x](https://example.com "a\\" onmouseover=\\"alert(1)")',
        "<iframe src=//example.com></iframe>",
        "<style>body{display:none}</style>",
        "```\n</code></pre><script>alert(1)</script>\n```",
        "<svg/onload=alert(1)>",
    ],
)
def test_hostile_markdown_is_text_or_gone(source: str) -> None:
    made = text.render(source).lower()
    for tag in ("<script", "<img", "<iframe", "<style", "<svg"):
        assert tag not in made
    from html.parser import HTMLParser

    class Attributes(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            for name, value in attrs:
                assert name in ("href", "title", "rel", "start"), name
                assert name != "href" or value.startswith(("https:", "http:", "mailto:")), value

    Attributes().feed(made)


@pytest.mark.parametrize("part", ["[", "*a ", "> ", "- ", "**a", "<a ", "[a](b", "`", "*_"])
def test_the_longest_text_is_rendered_in_no_time_whatever_it_holds(part: str) -> None:
    began = time.monotonic()
    text.render((part * 20_000)[:20_000])
    assert time.monotonic() - began < 10


def test_a_longer_text_is_refused_and_nothing_is_written() -> None:
    business = make.make_business()
    owner = make.make_member(business)
    with refused("text_too_long"):
        services.begin(
            business, title="x", source="a" * 200_000, language="en", visibility="public",
            form_token=uuid.uuid4(), actor=owner, at=timezone.now(),
        )  # fmt: skip
    assert not Post.objects.exists()


def test_an_excerpt_is_words_and_of_a_text_for_supporters_only_its_beginning() -> None:
    html = text.render("**Good** news & more. " * 60)
    public = text.excerpt_of(html, for_supporters=False)
    assert public.startswith("Good news & more.") and public.endswith("…") and len(public) <= 221
    assert len(text.excerpt_of(html, for_supporters=True)) <= 121
    secret = text.excerpt_of(text.render("The price of the boat is 4 million yen."), for_supporters=True)
    assert "million" not in secret and secret.endswith("…")
    wide = text.excerpt_of(text.render("牡蠣の話。" * 100), for_supporters=False)
    assert wide.startswith("牡蠣の話。") and len(wide) <= 111, "Japanese says as much with half the letters"


# --- States -------------------------------------------------------------------------------------------------------


def test_a_form_sent_twice_is_one_draft() -> None:
    business = make.make_business()
    owner = make.make_member(business)
    values = {"title": "A", "source": "b", "language": "en", "visibility": "public", "form_token": uuid.uuid4()}
    first = services.begin(business, **values, actor=owner, at=timezone.now())
    assert services.begin(business, **values, actor=owner, at=timezone.now()) == first
    other = make.make_business()
    with refused("wrong_form"):
        services.begin(other, **values, actor=make.make_member(other), at=timezone.now())
    assert Post.objects.count() == 1


def test_publishing_is_told_once_and_leaves_its_trail() -> None:
    post = make.make_post()
    assert (post.state, post.published_at is not None) == ("published", True)
    assert Event.objects.filter(kind="PostPublished").count() == 1
    assert AuditRow.objects.filter(action="businesses.Post.published", object_id=str(post.pk)).count() == 1
    with refused("wrong_state"):
        services.publish(post, actor=post.author, at=timezone.now())
    assert Event.objects.filter(kind="PostPublished").count() == 1


def test_what_has_no_words_or_no_public_page_is_not_published() -> None:
    for values in ({"title": " "}, {"source": " \n"}, {"source": "<!-- -->"}):
        post = make.make_post(state="draft", **values)
        if values == {"source": "<!-- -->"}:
            assert text.plain(post.html), "HTML in the source is text"
            continue
        with refused("empty"):
            services.publish(post, actor=post.author, at=timezone.now())
    hidden = make.make_post(business=make.make_business(state="draft"), state="draft")
    with refused("business_hidden"):
        services.publish(hidden, actor=hidden.author, at=timezone.now())


def test_the_sweep_publishes_what_is_due_exactly_once() -> None:
    post = make.make_post(state="scheduled")
    assert post.publish_at is not None
    early, late = post.publish_at - timedelta(seconds=1), post.publish_at + timedelta(minutes=1)
    assert services.publish_due(on=early.date(), at=early)["published"] == 0
    assert services.publish_due(on=late.date(), at=late)["published"] == 1
    assert services.publish_due(on=late.date(), at=late)["published"] == 0
    post.refresh_from_db()
    assert (post.state, post.published_at, post.publish_at) == ("published", late, None)
    assert Event.objects.filter(kind="PostPublished").count() == 1


def test_a_planned_post_of_a_business_that_was_withdrawn_goes_back_to_the_drafts() -> None:
    from businesses import services as businesses

    post = make.make_post(state="scheduled")
    businesses.withdraw(post.business, actor="test", at=timezone.now(), reason_en="x", reason_ja="x")
    late = timezone.now() + timedelta(hours=2)
    assert services.publish_due(on=late.date(), at=late) == {"published": 0, "errors": 0}
    post.refresh_from_db()
    assert post.state == "draft" and not Event.objects.filter(kind="PostPublished").exists()


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(minutes=-1), timedelta(days=367)])
def test_no_post_is_planned_for_the_past_or_for_never(offset: timedelta) -> None:
    post = make.make_post(state="draft")
    at = timezone.now()
    with refused("wrong_instant"):
        services.schedule(post, publish_at=at + offset, actor=post.author, at=at)


def test_withdrawing_needs_a_reason_and_is_the_end() -> None:
    post = make.make_post()
    with refused("reason_needed"):
        services.withdraw(post, actor=post.author, at=timezone.now(), reason=" ")
    services.withdraw(post, actor=post.author, at=timezone.now(), reason="Wrong names")
    assert not queries.published().exists() and not queries.public().exists()
    with refused("wrong_state"):
        services.publish(post, actor=post.author, at=timezone.now())
    with refused("withdrawn"):
        save(Post.objects.get(), source="again")


def test_only_drafts_are_deleted() -> None:
    post = make.make_post()
    with refused("wrong_state"):
        services.discard(post, actor=post.author, at=timezone.now())
    draft = make.make_post(state="draft")
    services.discard(draft, actor=draft.author, at=timezone.now())
    assert list(Post.objects.all()) == [post]


def test_the_database_refuses_what_the_services_never_write() -> None:
    post = make.make_post(state="draft")
    for values in ({"state": "published"}, {"state": "scheduled"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Post.objects.filter(pk=post.pk).update(**values)


# --- Versions -----------------------------------------------------------------------------------------------------


def test_two_devices_never_overwrite_each_other() -> None:
    post = make.make_post(state="draft")
    first = save(post, source="From the boat.")
    assert first.version == 2
    with refused("changed_elsewhere") as error:
        save(post, source="From the office.")
    stored = error.value.data["post"]
    assert (stored.source, stored.version) == ("From the boat.", 2)
    assert Post.objects.get().source == "From the boat."


def test_saving_what_is_there_already_is_no_change_from_whatever_version() -> None:
    post = make.make_post(state="draft")
    save(post, source="One.")
    again = save(post, source="One.", version=1)
    assert again.version == 2


def test_a_quiet_save_is_for_drafts_and_leaves_no_trail() -> None:
    post = make.make_post(state="draft")
    before = AuditRow.objects.count()
    save(post, source="Quiet.", quiet=True)
    assert AuditRow.objects.count() == before and Post.objects.get().source == "Quiet."
    published = make.make_post()
    with refused("not_a_draft"):
        save(published, source="Loud.", quiet=True)
    save(published, source="Corrected.")
    assert AuditRow.objects.filter(action="businesses.Post.edited").count() == 1
    with refused("empty"):
        save(Post.objects.get(pk=published.pk), title="")


# --- Photos -------------------------------------------------------------------------------------------------------


def add(post: Post, file: Any = None, alt: str = "Two rafts at dawn") -> PostPhoto:
    return services.add_photo(post, file or picture(), alt=alt, actor=post.author, at=timezone.now())


def test_a_photo_is_turned_upright_and_freed_of_what_the_camera_noted() -> None:
    photo = add(make.make_post(state="draft"), picture(orientation=6, gps=True))
    assert photo.width < photo.height
    with default_storage.open(images.path(photo, max(photo.widths))) as file:
        stored = Image.open(file)
        stored.load()
    assert not dict(stored.getexif()) and "exif" not in stored.info
    red, _green, blue = stored.convert("RGB").getpixel((stored.width // 2, 8))
    assert red > 200 > 60 > blue, "what was left is above after a turn to the right"


def test_a_photo_without_a_description_is_refused_before_anything_is_stored() -> None:
    post = make.make_post(state="draft")
    for alt in ("", "  \n "):
        with refused("alt_needed"):
            add(post, alt=alt)
    photo = add(post)
    with refused("alt_needed"):
        services.describe_photos(post, {photo.pk: " "}, actor=post.author, at=timezone.now())
    photo.refresh_from_db()
    assert photo.alt == "Two rafts at dawn" and post.photos.count() == 1


def test_eight_photos_are_the_most() -> None:
    post = make.make_post(state="draft")
    for number in range(8):
        add(post, picture(size=(64 + number, 40)))
    with refused("too_many_photos"):
        add(post)
    assert [photo.position for photo in post.photos.all()] == list(range(8))


@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"", b"\xff\xd8\xff" + b"x" * 50])
def test_what_is_no_picture_is_refused_whatever_it_is_called(content: bytes) -> None:
    post = make.make_post(state="draft")
    file = io.BytesIO(content)
    file.name = "boat.jpg"
    with pytest.raises(images.ImageRefused):
        add(post, file)
    assert not post.photos.exists()


def test_photos_of_another_post_are_out_of_reach() -> None:
    mine, theirs = make.make_post(state="draft"), make.make_post(state="draft")
    photo = add(theirs)
    assert not services.remove_photo(mine, photo.pk, actor=mine.author, at=timezone.now())
    assert services.describe_photos(mine, {photo.pk: "Mine now"}, actor=mine.author, at=timezone.now()) == 0
    photo.refresh_from_db()
    assert photo.alt == "Two rafts at dawn"


# --- Answers ------------------------------------------------------------------------------------------------------


def test_thanks_count_once_and_can_be_taken_back() -> None:
    post, reader = make.make_post(), make.make_user()
    for _time in range(3):
        answers.thank(post, reader, at=timezone.now())
    assert queries.thanks_for(post, reader) == (1, True)
    answers.unthank(post, reader)
    assert queries.thanks_for(post, reader) == (0, False)


def test_a_comment_is_for_supporters_is_one_however_often_sent_and_is_removed_with_a_reason() -> None:
    post, reader = make.make_post(), make.make_user()
    values = {"author": reader, "name": "Ann", "text": "Well done", "form_token": uuid.uuid4()}
    with refused("not_a_supporter"):
        answers.comment(post, **values, may_comment=False, from_business=False, at=timezone.now())
    made = answers.comment(post, **values, may_comment=True, from_business=False, at=timezone.now())
    assert answers.comment(post, **values, may_comment=True, from_business=False, at=timezone.now()) == made
    with refused("reason_needed"):
        answers.remove_comment(made, actor=post.author, at=timezone.now(), reason="")
    answers.remove_comment(made, actor=post.author, at=timezone.now(), reason="Names a neighbour")
    answers.remove_comment(made, actor=post.author, at=timezone.now(), reason="Again")
    made.refresh_from_db()
    assert made.removed_reason == "Names a neighbour"
    assert AuditRow.objects.filter(action="businesses.Comment.removed").count() == 1
