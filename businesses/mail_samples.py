"""Made-up people, firms and news for the previews of mails (microfund/kernel/notices/kinds.py), and the samples of the
mails of this app. What is made here is never committed."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _

from businesses import events
from businesses.following import mails as following_mails
from businesses.following.models import Follow
from businesses.models import Business, Disaster, Membership
from businesses.news import text
from businesses.news.models import Post
from businesses.profile import mails as profile_mails
from businesses.profile.models import Proposal
from businesses.questions import mails as question_mails
from businesses.questions.models import Question
from microfund.kernel import clock
from microfund.kernel.accounts.models import User
from microfund.kernel.notices import kinds

TO_OWNERS = _("the owners of the business")
TO_MEMBERS = _("all members of the business")
TO_FOLLOWERS = _("followers of the business")


def mark() -> str:
    """Letters that nothing else bears, for what must be unique."""
    return uuid.uuid4().hex[:8]


def make_user(language: str, **values: Any) -> User:
    """Somebody made up, who reads this language."""
    return User.objects.create(email=f"{mark()}@sample.invalid", language=language, **values)


def make_business(language: str) -> Business:
    """An oyster farm with one owner."""
    disaster = Disaster.objects.create(
        slug=f"sample-{mark()}",
        name_en="Autumn storm surge",
        name_ja="秋の高潮",
        happened_on=clock.today_in() - timedelta(days=400),
    )
    business = Business.objects.create(
        slug=f"hinode-oysters-{mark()}",
        state=Business.State.PUBLISHED,
        name_en="Hinode Oyster Farm",
        name_ja="日の出牡蠣養殖",
        trade=Business.Trade.OYSTER,
        town_en="Yonezaki",
        town_ja="米崎",
        disaster=disaster,
        owner_name_en="Sho Hatamura",
        owner_name_ja="畑村 翔",
        founded_year=1968,
        staff_before=9,
        staff_now=6,
        revenue_before=62_000_000,
        use_line_en="Thirty rafts of cedar and bamboo",
        use_line_ja="杉と竹の筏三十台",
        story_en="We raise oysters in a quiet bay.",
        story_ja="静かな湾で牡蠣を育てています。",
        damage_en="Forty-two of fifty rafts broke loose.",
        damage_ja="五十台の筏のうち四十二台が流されました。",
        published_at=clock.now(),
    )
    Membership.objects.create(business=business, user=make_user(language), role=Membership.Role.OWNER)
    return business


NEWS = {
    "en": ("The last raft is tied", "We tied the last of thirty rafts this morning, in the first calm of the week."),
    "ja": ("最後の筏を結びました", "風の強い一週間が明けて、けさ、三十台目の筏を結び終えました。"),
}  # fmt: skip


def _make_post(business: Business, language: str, visibility: str = "public") -> Post:
    title, source = NEWS[language]
    html = text.render(source)
    return Post.objects.create(
        business=business,
        state=Post.State.PUBLISHED,
        visibility=visibility,
        language=language,
        title=title,
        source=source,
        html=html,
        excerpt=text.excerpt_of(html, for_supporters=visibility == "supporters"),
        author=business.memberships.get().user,
        created_at=clock.now(),
        edited_at=clock.now(),
        published_at=clock.now(),
    )


def make_follow(business: Business, language: str, cadence: str, *, email: str = "") -> Follow:
    """Somebody without an account who follows the business."""
    return Follow.objects.create(
        business=business,
        email=email or f"{mark()}@sample.invalid",
        cadence=cadence,
        language=language,
        asked_at=clock.now(),
        confirmed_at=clock.now(),
    )


def _follow_confirm(language: str) -> None:
    rows = [make_follow(make_business(language), language, Follow.Cadence.WEEKLY)]
    following_mails.ask_to_confirm(rows, "sample", cadence=rows[0].cadence, language=language, at=clock.now())


def _news_posted(language: str) -> None:
    business = make_business(language)
    make_follow(business, language, Follow.Cadence.INSTANT)
    post = _make_post(business, language)
    following_mails.news_mail_batch(following_mails.NewsMailBatch(post.pk, 0, clock.now()))


def _news_digest(language: str) -> None:
    row = make_follow(make_business(language), language, Follow.Cadence.WEEKLY)
    other = make_follow(make_business(language), language, Follow.Cadence.WEEKLY, email=row.email)
    for business, visibility in ((row.business, Post.Visibility.PUBLIC), (other.business, Post.Visibility.SUPPORTERS)):
        _make_post(business, language, visibility)
    monday = clock.today_in() + timedelta(days=1)
    batch = following_mails.NewsDigestBatch(monday.isoformat(), row.pk - 1, clock.now())
    following_mails.news_digest_batch(batch)


def _proposal(state: str, language: str) -> None:
    business = make_business(language)
    proposal = Proposal.objects.create(
        business=business,
        section=Proposal.Section.PROFILE,
        author=business.memberships.get().user,
        created_at=clock.now(),
        edited_at=clock.now(),
    )
    profile_mails.proposal_reviewed(events.ProposalReviewed(proposal.pk, state, clock.now()))


def _question(language: str, answer: str = "") -> Question:
    words = {
        "en": ("Haruka", "Are the new rafts insured?", "Yes: against storm and tsunami, since this spring."),
        "ja": ("はるか", "新しい筏に保険は掛かっていますか。", "はい。この春から、嵐と津波に備えて掛けています。"),
    }[language]
    return Question.objects.create(
        business=make_business(language),
        asker=make_user(language),
        name=words[0],
        text=words[1],
        asked_at=clock.now(),
        answer=words[2] if answer else "",
        state=Question.State.ANSWERED if answer else Question.State.OPEN,
        answered_at=clock.now() if answer else None,
    )


def _question_asked(language: str) -> None:
    question_mails.question_asked(events.QuestionAsked(_question(language).pk, clock.now()))


def _question_answered(language: str) -> None:
    question_mails.question_answered(events.QuestionAnswered(_question(language, "yes").pk, clock.now()))


def register() -> None:
    """Declare all; called once when the app is ready."""
    declare = kinds.declare
    declare("follow_confirm", "E12", _("An address without an account asks to follow"), TO_FOLLOWERS, _follow_confirm)
    declare("news_posted", "E12", _("News are posted: to who wants them at once"), TO_FOLLOWERS, _news_posted)
    declare(
        "news_digest",
        "E12",
        _("Once a week, on Monday or the day that one chose: the news since the last one"),
        TO_FOLLOWERS,
        _news_digest,
    )
    declare("question_asked", "E13", _("Somebody asks a question in public"), TO_MEMBERS, _question_asked)
    declare(
        "question_answered", "E13", _("A question has its answer"), _("who asked, and who wondered too"),
        _question_answered,
    )  # fmt: skip
    for state, when in (
        ("published", _("Staff accept what was proposed for the page")),
        ("returned", _("Staff return a part of what was proposed for the page")),
    ):
        declare(f"proposal_{state}", "", when, TO_OWNERS, partial(_proposal, state))
