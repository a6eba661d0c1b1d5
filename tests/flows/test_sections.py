"""The texts of a business's page: a member edits, staff return one of them, the member mends it, it is published."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from businesses.models import Business, Proposal
from businesses.profile import services
from businesses.profile.services import Decision
from microfund.kernel.accounts.roles import REVIEWER
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.services import dispatch
from tests import make
from tests.site.staff import act_of, console, make_staff

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


def browser_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(business: Business, section: str = "profile") -> str:
    return reverse(f"studio:{section}", args=[business.slug])


def typed(business: Business, *, version: int = 0, do: str = "save", **changes: str) -> dict[str, Any]:
    texts = ("use_line", "story", "damage", "story_now", "story_next")
    columns = [f"{text}_{language}" for text in texts for language in ("en", "ja")]
    return {**{column: getattr(business, column) for column in columns}, "version": version, "do": do, **changes}


def submitted(business: Business, **changes: str) -> Proposal:
    member = make.make_member(business)
    texts = {name: value for name, value in typed(business, **changes).items() if name not in ("version", "do")}
    now = timezone.now()
    saved = services.save(business, section="profile", texts=texts, version=0, actor=member, at=now)
    return services.submit(saved, actor=member, at=now)


def public(business: Business) -> str:
    return Client().get(reverse("businesses:detail", args=[business.slug])).content.decode()


def test_a_returned_text_is_mended_while_the_accepted_one_is_public_at_once() -> None:
    business = make.make_business(state="published")
    owner = browser_of(make.make_member(business, language="ja"))
    staff = console(make_staff(REVIEWER))
    sent = typed(business, do="submit", story_en="New story", story_ja="新しい物語", use_line_en="For a raft")
    assert owner.post(address(business), sent).status_code == 302
    proposal = Proposal.objects.get()
    assert proposal.state == Proposal.State.SUBMITTED
    assert "New story" not in public(business)

    review = act_of(proposal, "review_profile")
    assert "New story" in staff.get(review).content.decode()
    unreasoned = staff.post(review, {"story": "accept", "use_line": "return"})
    assert "Say why it is returned." in unreasoned.content.decode()
    assert "New story" not in public(business)
    staff.post(review, {"story": "accept", "use_line": "return", "use_line_comment": "Which raft?"})
    page = public(business)
    assert "New story" in page and "For a raft" not in page
    assert "Story edited 1 time." in page
    row = AuditRow.objects.get(action="businesses.Business.text_published")
    assert set(row.changes) == {"story_en", "story_ja"} and row.changes["story_en"][1] == "New story"

    dispatch()
    assert Notice.objects.get(kind="proposal_returned").language == "ja"
    assert "Which raft?" in owner.get(address(business)).content.decode()
    with translation.override("en"):
        assert "Returned by staff" in owner.get(reverse("studio:business", args=[business.slug])).content.decode()
    business.refresh_from_db()
    owner.post(address(business), typed(business, version=1, do="submit", use_line_en="For the long raft"))
    staff.post(review, {"use_line": "accept"})
    proposal.refresh_from_db()
    assert proposal.state == Proposal.State.PUBLISHED
    assert "For the long raft" in public(business)
    dispatch()
    assert Notice.objects.filter(kind="proposal_published").count() == 1


def test_two_devices_see_both_texts_and_overwrite_nothing() -> None:
    business = make.make_business(state="published")
    owner = browser_of(make.make_member(business))
    owner.post(address(business), typed(business, story_en="Phone"))
    owner.post(address(business), typed(business, version=1, story_en="Phone again"))
    answer = owner.post(address(business), typed(business, version=1, story_en="Laptop"))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Phone again" in page and "Laptop" in page
    assert Proposal.objects.get().texts["story_en"] == "Phone again"


def test_markup_is_text_in_every_field_for_member_staff_and_public() -> None:
    business = make.make_business(state="published")
    member = browser_of(make.make_member(business))
    columns = [name for name in typed(business) if name.endswith(("_en", "_ja"))]
    hostile = {column: f"{HOSTILE}{column}" for column in columns}
    proposal = submitted(business, **hostile)
    assert HOSTILE not in member.get(address(business) + "?preview=1").content.decode()
    staff = console(make_staff(REVIEWER))
    assert HOSTILE not in staff.get(act_of(proposal, "review_profile")).content.decode()
    staff.post(
        act_of(proposal, "review_profile"),
        dict.fromkeys(("use_line", "story", "damage", "story_now", "story_next"), "accept"),
    )
    page = public(business)
    assert HOSTILE not in page and "&lt;script&gt;alert(1)&lt;/script&gt;story_en" in page


def test_the_sections_of_somebody_elses_business_do_not_exist() -> None:
    business = make.make_business(state="published")
    stranger = browser_of(make.make_member(make.make_business()))
    for section in ("profile", "uses"):
        assert stranger.get(address(business, section)).status_code == 404
        assert stranger.post(address(business, section), typed(business)).status_code == 404
    assert not Proposal.objects.exists()


def test_one_language_alone_is_kept_as_a_draft_and_not_submitted() -> None:
    business = make.make_business(state="published")
    owner = browser_of(make.make_member(business))
    note = {"uses_note_en": "The raft first.", "uses_note_ja": "", "version": 0, "do": "submit"}
    answer = owner.post(address(business, "uses"), note)
    assert "Write this in both languages." in answer.content.decode()
    assert Proposal.objects.get().state == Proposal.State.DRAFT


def test_what_staff_changed_meanwhile_is_not_overwritten_and_nothing_is_half_published() -> None:
    business = make.make_business(state="published")
    proposal = submitted(business, story_en="Mine", use_line_en="Mine too")
    Business.objects.filter(pk=business.pk).update(story_en="Corrected by staff")
    yes = {"story": Decision(True), "use_line": Decision(True)}
    with pytest.raises(DomainError, match="changed since"):
        services.review(proposal, decisions=yes, actor=make_staff(REVIEWER), at=timezone.now())
    business.refresh_from_db()
    assert business.story_en == "Corrected by staff" and business.use_line_en != "Mine too"


def test_a_withdrawn_proposal_leaves_the_page_and_makes_room_for_another() -> None:
    business = make.make_business(state="published")
    owner = browser_of(make.make_member(business))
    owner.post(address(business), typed(business, do="submit", story_en="First"))
    locked = owner.post(address(business), typed(business, version=1, story_en="Second"))
    assert "Withdraw it first" in locked.content.decode()
    owner.post(address(business), {"do": "withdraw"})
    owner.post(address(business), typed(business, story_en="Third"))
    assert list(Proposal.objects.order_by("pk").values_list("state", flat=True)) == ["withdrawn", "draft"]
    assert "First" not in public(business)
