"""A business's story in four parts, its milestones and what it has spent: proposed, judged, and then as the page says
it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from businesses import services as businesses
from businesses.models import Business, Milestone, Picture, Proposal, Spending
from businesses.profile import queries, services
from businesses.profile.services import Decision
from investments.models import Fund, Release
from microfund.kernel import clock
from microfund.kernel.accounts.roles import REVIEWER
from microfund.kernel.errors import DomainError
from tests import make
from tests.flows.test_lists import file, sent
from tests.site.staff import act_of, console, make_staff

pytestmark = pytest.mark.django_db
STORY = {
    "story_en": "Fifty rafts.",
    "story_ja": "筏が五十台。",
    "damage_en": "Eight were left.",
    "damage_ja": "八台が残りました。",
    "story_now_en": "Twenty-six float.",
    "story_now_ja": "二十六台が浮いています。",
    "story_next_en": "Thirty more by spring.",
    "story_next_ja": "春までにあと三十台。",
}
HEADINGS = ("Before the disaster", "That day", "Now", "What comes next")


@pytest.fixture
def business() -> Business:
    return make.make_business(state="published", use_line_en="For rafts", use_line_ja="筏のために")


@pytest.fixture
def member(business: Business) -> Any:
    return make.make_member(business)


@pytest.fixture
def owner(member: Any) -> Client:
    client = Client()
    client.force_login(member)
    return client


def address(business: Business, section: str) -> str:
    return reverse(f"studio:{section}", args=[business.slug])


def public(business: Business, prefix: str = "") -> str:
    return Client().get(prefix + reverse("businesses:detail", args=[business.slug])).content.decode()


def accept(section: str) -> None:
    proposal = Proposal.objects.get(section=section, state="submitted")
    decisions = {text.name: Decision(True) for text in proposal.fields}
    services.review(proposal, decisions=decisions, actor=make_staff(REVIEWER), at=timezone.now())


def day(number: int) -> str:
    return (clock.today_in() + timedelta(days=number)).isoformat()


# --- The story ----------------------------------------------------------------------------------------------------


def test_the_story_stands_in_four_parts_each_with_its_picture(business: Business, owner: Client) -> None:
    whole = public(business)
    assert "We raise oysters" in whole and "Before the disaster" not in whole  # undivided: one text, as it was
    for number, moment in enumerate(("", "before", "now", "next", "")):
        businesses.add_picture(
            business,
            file("teal", (400 + number, 300)),
            alt_en=f"Picture {number}",
            alt_ja=f"写真{number}",
            actor=None,
            at=timezone.now(),
            role=Picture.Role.STORY if number else Picture.Role.HERO,
            moment=moment,
        )
    texts = {"use_line_en": "For rafts", "use_line_ja": "筏のために", **STORY}
    assert owner.post(address(business, "profile"), {**texts, "version": 0, "do": "preview"}).status_code == 302
    preview = owner.get(address(business, "profile") + "?preview=1").content.decode()
    preview = preview[preview.index('id="preview"') : preview.index('<form class="editor"')]
    for words in (*STORY.values(), *HEADINGS, "災害の前", "あの日", "いま", "これから"):
        assert words in preview
    assert "Twenty-six" not in public(business)
    owner.post(address(business, "profile"), {**texts, "version": 1, "do": "submit"})
    review = act_of(Proposal.objects.get(), "review_profile")
    staff = console(make_staff(REVIEWER))
    assert "Twenty-six float." in staff.get(review).content.decode()
    returned = {"story": "accept", "damage": "accept", "story_now": "accept", "story_next": "return"}
    staff.post(review, {**returned, "story_next_comment": "How many of them with our money?"})
    page = public(business)
    assert "Twenty-six" in page and "Thirty more" not in page, "staff judge each part by itself"
    assert "How many of them" in owner.get(address(business, "profile")).content.decode()
    owner.post(address(business, "profile"), {**texts, "version": 1, "do": "submit"})
    accept("profile")
    page = public(business)
    story = page[page.index('<h2 id="story"') : page.index('id="news"')]
    order = (
        "Fifty rafts.",
        "Picture 1",
        "Eight were left.",
        "Twenty-six",
        "Picture 2",
        "Thirty more",
        "Picture 3",
        "Picture 4",
    )
    places = [story.index(words) for words in order]
    assert places == sorted(places)
    assert all(f"<h3>{heading}</h3>" in story for heading in HEADINGS)
    assert "二十六台" in public(business, "/ja")


def test_a_part_is_written_in_both_languages_or_not_at_all(business: Business, owner: Client) -> None:
    texts = {"use_line_en": "For rafts", "use_line_ja": "筏のために", **STORY}
    only_english = {**texts, "story_next_ja": "", "version": 0, "do": "submit"}
    assert "Write this in both languages." in owner.post(address(business, "profile"), only_english).content.decode()
    neither = {**texts, "story_next_en": "", "story_next_ja": "", "version": 1, "do": "submit"}
    assert owner.post(address(business, "profile"), neither).status_code == 302
    accept("profile")
    page = public(business)
    assert "<h3>Now</h3>" in page and "<h3>What comes next</h3>" not in page


def test_a_draft_from_before_there_were_parts_goes_on(business: Business, owner: Client, member: Any) -> None:
    old = ("use_line_en", "use_line_ja", "story_en", "story_ja", "damage_en", "damage_ja")
    texts = {**{column: getattr(business, column) for column in old}, "story_en": "Older draft"}
    now = timezone.now()
    draft = Proposal.objects.create(
        business=business, section="profile", author=member, texts=texts, created_at=now, edited_at=now
    )
    assert owner.get(address(business, "profile") + "?preview=1").status_code == 200
    services.submit(draft, actor=member, at=now)
    Proposal.objects.filter(pk=draft.pk).update(before={column: getattr(business, column) for column in old})
    staff = console(make_staff(REVIEWER))
    assert "Older draft" in staff.get(act_of(draft, "review_profile")).content.decode()
    accept("profile")
    assert "Older draft" in public(business)


# --- Milestones ---------------------------------------------------------------------------------------------------


def step(prefix: str, words: str, planned: str, done: str = "") -> dict[str, str]:
    return {
        f"{prefix}-text_en": words,
        f"{prefix}-text_ja": f"{words}の節目",
        f"{prefix}-planned_on": planned,
        f"{prefix}-done_on": done,
    }


def test_milestones_stand_by_date_with_what_was_done_and_what_is_late(business: Business, owner: Client) -> None:
    url = address(business, "steps")
    for words, planned, done in (("Roof", day(90), ""), ("Rafts", day(-60), day(-50)), ("Ropes", day(-10), "")):
        answer = owner.post(url, sent(business, "steps", do="add", **step("new", words, planned, done)))
        assert answer.status_code == 302
    stored = Proposal.objects.get().texts["milestones"]
    assert [item["text_en"] for item in stored] == ["Rafts", "Ropes", "Roof"]
    preview = owner.get(url + "?preview=1").content.decode()
    assert "later than planned" in preview and "予定より遅れています" in preview
    assert 'value="up:' not in preview and 'type="file"' not in preview
    owner.post(url, sent(business, "steps", do="submit"))
    assert 'id="plan"' not in public(business)
    shown = console(make_staff(REVIEWER)).get(act_of(Proposal.objects.get(), "review_steps")).content.decode()
    assert "Ropesの節目" in shown and "Planned for" in shown
    accept("steps")
    page = public(business)
    plan = page[page.index('id="plan"') :]
    assert plan.index("Rafts") < plan.index("done on") < plan.index("Ropes") < plan.index("later than planned")
    assert plan.count("later than planned") == plan.count("done on") == 1
    assert Milestone.objects.get(text_en="Rafts").done_on == date.fromisoformat(day(-50))
    owner.post(url, sent(business, "steps", do="remove:0"))
    assert [item["text_en"] for item in Proposal.objects.get(state="draft").texts["milestones"]] == ["Ropes", "Roof"]


@pytest.mark.parametrize(
    ("planned", "done", "said"),
    [
        ("", "", "This field is required."),
        (day(-5), day(1), "This date has not come yet."),
        ("soon", "", "Enter a valid date."),
    ],
)
def test_a_milestone_needs_a_date_and_is_not_done_before_its_time(
    business: Business, owner: Client, planned: str, done: str, said: str
) -> None:
    data = sent(business, "steps", do="submit", **step("new", "Rafts", planned, done))
    answer = owner.post(address(business, "steps"), data)
    assert answer.status_code == 422 and said in answer.content.decode() and "Rafts" in answer.content.decode()
    assert not Milestone.objects.exists()
    assert not Proposal.objects.filter(state="submitted").exists()


# --- Spent so far -------------------------------------------------------------------------------------------------


@pytest.fixture
def fund(business: Business) -> Fund:
    """A fund that closed well, and whose donations were released: ¥15,000,000."""
    made = make.make_fund(business=business)
    Fund.objects.filter(pk=made.pk).update(state=Fund.State.CLOSED)
    released = {"created_at": timezone.now(), "released_on": clock.today_in()}
    Release.objects.create(fund=made, part=Release.Part.DONATION, amount=15_000_000, **released)
    return made


def spent(business: Business, *amounts: int, do: str = "submit") -> dict[str, Any]:
    data = sent(business, "spent", do=do)
    for number, amount in enumerate(amounts):
        data |= {f"{number}-amount": amount, f"{number}-receipts": number + 2}
    return data


def test_what_is_spent_stands_beside_what_was_planned(business: Business, owner: Client, fund: Fund) -> None:
    page = public(business)
    assert "has not yet reported what it spent" in page and "¥15,000,000 was released" in page
    url = address(business, "spent")
    form = owner.get(url).content.decode()
    assert "Cedar and bamboo for rafts" in form and 'value="add"' not in form and 'value="remove:0"' not in form
    too_much = owner.post(url, spent(business, 9_000_000, 6_000_001))
    assert too_much.status_code == 422 and "more than the ¥15,000,000" in too_much.content.decode()
    assert not Proposal.objects.exists()
    assert owner.post(url, spent(business, 4_000_000, 1_500_000)).status_code == 302
    assert (
        "4,000,000"
        in console(make_staff(REVIEWER)).get(act_of(Proposal.objects.get(), "review_spent")).content.decode()
    )
    assert "¥4,000,000" not in public(business)
    accept("spent")
    page = public(business)
    table = page[page.index('id="uses"') : page.index('id="terms"')]
    assert table.index("¥4,000,000") < table.index("¥1,500,000") < table.index("¥5,500,000")
    assert "fund staff looked at it on" in table and "not yet reported" not in table
    assert Spending.objects.get(use_en="Cedar and bamboo for rafts").receipts == 2
    results = Client().get(reverse("businesses:results", args=[business.slug])).content.decode()
    assert "¥5,500,000" in results[results.index('id="released"') :]
    assert "これまでの支出" in public(business, "/ja")


def test_only_the_uses_that_the_terms_name_can_be_filled_in(business: Business, owner: Client, fund: Fund) -> None:
    data = spent(business, 1_000, 2_000, do="save")
    forged = {**data, "0-use_en": "A car", "1-fund": "another-fund"}
    assert owner.post(address(business, "spent"), forged).status_code == 302
    stored = Proposal.objects.get().texts["spending"]
    assert [(item["fund"], item["use_en"]) for item in stored] == [
        (fund.slug, "Cedar and bamboo for rafts"),
        (fund.slug, "Roof and chiller of the shed"),
    ]
    assert not any(item.get("amount") for item in stored)
    for wrong in ("-1", "1.5", "a lot"):
        answer = owner.post(address(business, "spent"), {**data, "version": 1, "0-amount": wrong})
        assert answer.status_code == 422


def test_before_money_was_released_there_is_nothing_to_report(business: Business, owner: Client) -> None:
    make.make_fund(business=business)
    assert "No money of a fund was released" in owner.get(address(business, "spent")).content.decode()
    assert "Spent so far" not in public(business)
    assert queries.on_the_page(business, "spent") == {"spending": []}


def test_a_stranger_to_the_business_sees_and_reports_nothing(business: Business, fund: Fund) -> None:
    stranger = Client()
    stranger.force_login(make.make_member(make.make_business()))
    for section in ("steps", "spent"):
        assert stranger.get(address(business, section)).status_code == 404
        assert stranger.post(address(business, section), {"do": "save"}).status_code == 404


def test_numbers_that_no_form_would_send_are_refused(business: Business, member: Any, fund: Fund) -> None:
    (item, *_others) = queries.on_the_page(business, "spent")["spending"]
    for wrong in (-1, 10**16, "7", 1.5):
        with pytest.raises(DomainError):
            services.save(
                business,
                section="spent",
                texts={"spending": [{**item, "amount": wrong}]},
                version=0,
                actor=member,
                at=timezone.now(),
            )
