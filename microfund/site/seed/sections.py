"""The demo's recovery plans, teams and further pictures: one business whose page has all of them, and one whose team
still waits for the staff's look."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from businesses import images
from businesses.profile import queries, services
from businesses.profile.services import Decision
from investments.payouts import spending
from microfund.kernel import clock

from .news import photo

if TYPE_CHECKING:
    from .story import Story
    from .world import Plan

INN, OYSTERS = "shiosai-ryokan", "mitsuiso-oysters"
PLANS = {
    INN: (
        "Done: the kitchen and eight rooms.\n\nNext spring: the bath by the sea, with a pump above the flood line."
        "\n\nThe year after: the third floor, so that schools can stay again.",
        "済んだこと：厨房と客室八室。\n\n来春：海辺の湯処。ポンプは浸水の線より上に据えます。\n\n"
        "再来年：三階。学校の合宿を、また受け入れます。",
    ),
    OYSTERS: (
        "This winter we build ten rafts, next winter twenty. The seed is bought in spring and sold two years later.",
        "この冬に筏を十台、次の冬に二十台を組みます。種苗は春に買い、売れるのは二年後です。",
    ),
}
TEAMS = {
    INN: (
        ("Yoshie Kaneko", "金子 佳江", "Keeper of the inn", "女将",
         "I know by the sound of the steps who has come back.", "足音で、どなたがお帰りか分かります。"),
        ("Ryota Kaneko", "金子 亮太", "Cook", "料理人",
         "The fish decides what there is for dinner.", "夕食は、その日の魚が決めます。"),
        ("Tomoe Kanno", "菅野 ともえ", "Rooms", "客室係", "", ""),
    ),
    OYSTERS: (
        ("Sho Hatamura", "畑村 翔", "Third of his line on the rafts", "筏の三代目",
         "I count the floats every morning.", "毎朝、浮きを数えます。"),
        ("Mie Hatamura", "畑村 美枝", "Opens shells, keeps the books", "殻むきと帳簿", "", ""),
    ),
}  # fmt: skip
#: A part of the inn's own scene, in percent of its sides, and what it shows.
PICTURE = ([40, 25, 100, 95], "The upper floors with their lamps lit, and the pine", "灯のともる二階と三階、庭の松")


def tell(story: Story) -> None:
    """Put every section on its day: what is accepted a month before the demo's, what waits three days before."""
    for key, (english, japanese) in PLANS.items():
        _accept(story, key, "plan", {"plan_en": english, "plan_ja": japanese})
    _accept(story, INN, "team", {"team": _team(INN)})
    _accept(story, INN, "pictures", {"pictures": _pictures(story)})
    for key, plan in story.plans.items():
        if plan.state != "closed_unfunded":
            _accept(story, key, "steps", {"milestones": _milestones(story, plan)})
        story.at(_day(story, 30), partial(_report_spent, story, plan))
    _submit(story, OYSTERS, "team", {"team": _team(OYSTERS)}, days=3)


def _team(key: str) -> list[dict[str, Any]]:
    names = ("name_en", "name_ja", "role_en", "role_ja", "words_en", "words_ja")
    return [{"picture": None, **dict(zip(names, row, strict=True))} for row in TEAMS[key]]


def _pictures(story: Story) -> list[dict[str, Any]]:
    crop, alt_en, alt_ja = PICTURE
    made = images.ingest(photo("ryokan", crop, 2_700))
    picture = {"digest": made.digest, "widths": list(made.widths), "width": made.width, "height": made.height}
    before = queries.on_the_page(story.plans[INN].fund.business, "pictures")["pictures"]
    return [*before, {"picture": picture, "alt_en": alt_en, "alt_ja": alt_ja}]


#: Funds of these stories have got their money, and their first steps lie behind them.
HAS_MONEY = ("repaying", "matured", "wound_up")


def _milestones(story: Story, plan: Plan) -> list[dict[str, Any]]:
    """A step for each use of the money, every four months from the closing of the fund on. What lies in the past of a
    fund that got its money is done, the second step later than planned."""
    steps = []
    for number, use in enumerate(plan.fund.terms.get().uses, start=1):
        planned = clock.add_months(plan.fund.closes_on, 4 * number)
        step = {"picture": None, "text_en": use["en"], "text_ja": use["ja"], "planned_on": planned.isoformat()}
        done = planned + timedelta(days=47 if number == 2 else -6)
        if plan.state in HAS_MONEY and done <= _day(story, 30):
            step["done_on"] = done.isoformat()
        steps.append(step)
    return steps


def _report_spent(story: Story, plan: Plan, _at: datetime) -> None:
    """Everything that was released, in the shares of the plan; nothing where none was."""
    business, key = plan.fund.business, plan.fund.slug
    released = spending.released_of(business).get(key, 0)
    uses = plan.fund.terms.order_by("-version")[0].uses
    planned = {use["en"]: use["amount"] for use in uses}
    spent = [
        {
            **item,
            "picture": None,
            "amount": planned[item["use_en"]] * released // sum(planned.values()),
            "receipts": 3 + 4 * number,
        }
        for number, item in enumerate(spending.uses_of(business))
        if item["fund"] == key
    ]
    if spent:
        _accept(story, key, "spent", {"spending": spent})


def _day(story: Story, days: int) -> date:
    return story.as_of - timedelta(days=days)


def _submit(story: Story, key: str, section: str, texts: dict[str, Any], *, days: int) -> Any:
    business = story.plans[key].fund.business
    member = business.memberships.select_related("user").order_by("pk")[0].user
    at = clock.start_of_day(_day(story, days)) + timedelta(hours=10)
    saved = services.save(business, section=section, texts=texts, version=0, actor=member, at=at)
    return services.submit(saved, actor=member, at=at)


def _accept(story: Story, key: str, section: str, texts: dict[str, Any]) -> None:
    proposal = _submit(story, key, section, texts, days=30)
    decisions = {text.name: Decision(True) for text in proposal.fields}
    services.review(
        proposal, decisions=decisions, actor=story.staff["reviewer"], at=proposal.submitted_at + timedelta(hours=5)
    )
