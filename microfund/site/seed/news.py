"""News and followers of the demo's open businesses, written and published by the services of the site."""

from __future__ import annotations

import io
import json
import re
import uuid
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from businesses.following import services as following
from businesses.models import Business, Membership, Post
from businesses.news import answers, services
from businesses.questions import services as questions
from investments.orders.queries import supports
from microfund.kernel.notices.models import Notice
from microfund.site import scenes

if TYPE_CHECKING:
    from .story import Story

DATA = Path(__file__).with_name("news.json")
WIDTH = 960
#: Who follows what, by account: the investor's key, the business, how often.
FOLLOWERS = [
    ("haruka", "mitsuiso-oysters", "instant"),
    ("ellen", "mitsuiso-oysters", "weekly"),
    ("ellen", "namioto-ramen", "instant"),
    ("giver", "isobe-boats", "instant"),
    ("konbini", "yukihira-tofu", "weekly"),
]
#: Who follows by address alone, once confirmed, and who never confirmed.
BY_ADDRESS = [
    ("tomo@post.tomobune.example", ("mitsuiso-oysters", "namioto-ramen", "isobe-boats"), True),
    ("unsure@post.tomobune.example", ("mitsuiso-oysters",), False),
]

#: What was asked in public: the business, how many days ago, who, under which name, the answer or none yet.
QUESTIONS = (
    (
        "mitsuiso-oysters",
        12,
        "haruka",
        "はるか",
        "筏は今いくつありますか。",
        "震災前の40台のうち26台まで戻りました。来春あと6台を組みます。",
    ),
    ("mitsuiso-oysters", 3, "ellen", "Ellen", "Can you send oysters to Hokkaido in winter?", ""),
    ("namioto-ramen", 20, "kenji", "けんじ", "新しい店には何席ありますか。", "カウンター8席と小上がりが2卓です。"),
)


def ask(story: Story) -> None:
    """Questions in public, one of which still waits for its answer."""
    for key, days, who, name, text, answer in QUESTIONS:
        day = story.as_of - timedelta(days=days)

        story.at(day, partial(_asked, story, key, who, name, text, answer))


def _asked(story: Story, key: str, who: str, name: str, text: str, answer: str, at: datetime) -> None:
    business = Business.objects.get(slug=key)
    made = questions.ask(
        business,
        asker=story.named[who].user,
        name=name,
        text=text,
        form_token=uuid.UUID(int=story.chance.getrandbits(128)),
        at=at,
    )
    questions.wonder(made, story.named["mei"].user, at=at)
    if answer:
        owner = business.memberships.order_by("pk")[0].user
        questions.answer(made, answer, actor=owner, at=at + timedelta(hours=5))


def tell(story: Story) -> None:
    """Add the days of the news to the story: followers first, then what is written."""
    story.at(_ago(story, 40), partial(_follow, story))
    for number, item in enumerate(json.loads(DATA.read_text(encoding="utf-8"))):
        story.at(_ago(story, item["days_ago"]), partial(_write, story, item, number))


def _ago(story: Story, days: int) -> Any:
    return story.as_of - timedelta(days=days)


def _follow(story: Story, at: datetime) -> None:
    for key, slug, cadence in FOLLOWERS:
        user = story.named[key].user
        business = Business.objects.get(slug=slug)
        following.follow_by_account(business, user, cadence=cadence, language=user.language, at=at)
    for email, slugs, confirms in BY_ADDRESS:
        followed = list(Business.objects.filter(slug__in=slugs))
        following.ask_by_email(followed, email, cadence="instant", language="ja", at=at)
        mail = Notice.objects.filter(recipient=email).order_by("-pk").first()
        if confirms and mail is not None:
            link = re.search(r"/follow/([^/\s]+)/", mail.text)
            assert link is not None
            following.confirm(link[1], at=at + timedelta(minutes=5))


def _write(story: Story, item: dict[str, Any], number: int, at: datetime) -> None:
    business = Business.objects.get(slug=item["business"])
    owner = Membership.objects.select_related("user").filter(business=business).order_by("pk")[0].user
    post = services.begin(
        business,
        title=item["title"],
        source=item["source"],
        language=item["language"],
        visibility=item.get("visibility", Post.Visibility.PUBLIC),
        form_token=uuid.uuid5(uuid.NAMESPACE_URL, f"demo-news-{number}"),
        actor=owner,
        at=at - timedelta(hours=1),
    )
    for own in item["photos"]:
        services.add_photo(post, photo(own["scene"], own["crop"]), alt=own["alt"], actor=owner, at=at)
    if item.get("draft"):
        return
    if "days_ahead" in item:
        services.schedule(post, publish_at=at + timedelta(days=item["days_ahead"]), actor=owner, at=at)
        return
    post = services.publish(post, actor=owner, at=at)
    for key in item["thanks"]:
        answers.thank(post, story.named[key].user, at=at + timedelta(hours=2))
    for place, comment in enumerate(item["comments"]):
        user = story.named[comment["by"]].user if comment["by"] else owner
        # Some bought their units later than they would have read it: they write on the day of the demo instead.
        story.at(story.as_of, partial(_comment, post, user, comment, f"{number}-{place}", user == owner))


def _comment(post: Post, user: Any, comment: dict[str, str], key: str, own: bool, at: datetime) -> None:
    if own or supports(user, post.business):
        answers.comment(
            post,
            author=user,
            name=comment["name"],
            text=comment["text"],
            form_token=uuid.uuid5(uuid.NAMESPACE_URL, f"demo-comment-{key}"),
            may_comment=not own,
            from_business=own,
            at=at - timedelta(hours=3),
        )


@cache
def _scene(kind: str, width: int) -> Image.Image:
    return Image.open(io.BytesIO(scenes.rasterise(kind, width))).convert("RGB")


def photo(kind: str, crop: list[int], width: int = WIDTH) -> io.BytesIO:
    """A part of a scene of `width` pixels, given in percent of its sides, as the JPEG that a phone would send."""
    picture = _scene(kind, width)
    left, top, right, bottom = (
        side * percent // 100 for side, percent in zip((picture.width, picture.height) * 2, crop, strict=True)
    )
    out = io.BytesIO()
    picture.crop((left, top, right, bottom)).save(out, "JPEG", quality=90)
    out.seek(0)
    return out
