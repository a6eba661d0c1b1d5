"""Team and pictures of a business's page: members put them together, staff judge them, only then are they public."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from businesses import services as businesses
from businesses.models import Business, Picture, Proposal, TeamPerson
from businesses.profile import queries, services
from businesses.profile.services import Decision
from businesses.studio.list_forms import ListForm
from microfund.kernel.accounts.roles import REVIEWER
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.services import dispatch
from tests import make
from tests.site.staff import act_of, console, make_staff

pytestmark = pytest.mark.django_db
TEAM = {"name_en": "Aya", "name_ja": "綾", "role_en": "Opens shells", "role_ja": "殻むき"}


def file(colour: str = "teal", size: tuple[int, int] = (1300, 800)) -> SimpleUploadedFile:
    """A photograph that says where it was taken."""
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (38.0, 26.0, 0.0)}
    Image.new("RGB", size, colour).save(out, "JPEG", exif=exif)
    return SimpleUploadedFile("raft.jpg", out.getvalue())


@pytest.fixture
def business() -> Business:
    """A business with one picture on its page."""
    made = make.make_business(state="published")
    first = {"alt_en": "The old rafts", "alt_ja": "古い筏", "actor": None, "at": timezone.now()}
    businesses.add_picture(made, file("navy"), **first)
    return made


def browser_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(business: Business) -> Client:
    return browser_of(make.make_member(business, language="ja"))


def address(business: Business, section: str = "pictures") -> str:
    return reverse(f"studio:{section}", args=[business.slug])


def sent(business: Business, section: str = "pictures", *, do: str, **changes: Any) -> dict[str, Any]:
    """What the form sends as it stands, with changes."""
    (items,) = services.SECTIONS[section]
    proposal = queries.open_proposal(business, section)
    given = (proposal.texts if proposal else queries.on_the_page(business, section))[items.name]
    form = ListForm.of(items, given, version=proposal.version if proposal else 0)
    return {**form.head.data, "do": do, **changes}


def added(owner: Client, business: Business, alt: str, colour: str) -> None:
    data = sent(business, do="add", **{"new-file": file(colour), "new-alt_en": alt, "new-alt_ja": f"{alt}の絵"})
    assert owner.post(address(business), data).status_code == 302


def public(business: Business) -> str:
    return Client().get(reverse("businesses:detail", args=[business.slug])).content.decode()


def test_pictures_are_public_only_when_staff_accept_them_in_the_order_given(business: Business, owner: Client) -> None:
    added(owner, business, "Rafts at dawn", "orange")
    added(owner, business, "The new shed", "green")
    assert owner.post(address(business), sent(business, do="first:2")).status_code == 302
    assert owner.post(address(business), sent(business, do="submit")).status_code == 302
    proposal = Proposal.objects.get()
    assert (proposal.section, proposal.state) == ("pictures", "submitted")
    assert [item["alt_en"] for item in proposal.texts["pictures"]] == ["The new shed", "The old rafts", "Rafts at dawn"]
    page = public(business)
    assert "The old rafts" in page and "The new shed" not in page and business.pictures.count() == 1

    staff = console(make_staff(REVIEWER))
    review = act_of(proposal, "review_pictures")
    shown = staff.get(review).content.decode()
    assert "The new shed" in shown and "古い筏" in shown and shown.count("<img") >= 4
    assert "Say why it is returned." in staff.post(review, {"pictures": "return"}).content.decode()
    staff.post(review, {"pictures": "accept"})
    page = public(business)
    roles = list(Picture.objects.filter(business=business).values_list("alt_en", "role"))
    assert roles == [("The new shed", "hero"), ("The old rafts", "story"), ("Rafts at dawn", "story")]
    assert "srcset=" in page and page.index("The new shed") < page.index("Rafts at dawn")
    dispatch()
    told = Notice.objects.get(kind="proposal_published")
    assert told.language == "ja" and reverse("businesses:detail", args=[business.slug]) in told.text


def test_returned_pictures_leave_the_page_as_it_was_and_are_mended(business: Business, owner: Client) -> None:
    added(owner, business, "A blurred thumb", "orange")
    owner.post(address(business), sent(business, do="submit"))
    review = act_of(Proposal.objects.get(), "review_pictures")
    staff = console(make_staff(REVIEWER))
    staff.post(review, {"pictures": "return", "pictures_comment": "A thumb is in front."})
    dispatch()
    assert Notice.objects.get(kind="proposal_returned").user.memberships.get().business == business
    assert "A thumb is in front." in owner.get(address(business)).content.decode()
    assert list(business.pictures.values_list("alt_en", flat=True)) == ["The old rafts"]
    owner.post(address(business), sent(business, do="remove:1"))
    answer = owner.post(address(business), sent(business, do="submit"))
    assert answer.status_code == 422 and Proposal.objects.get().state == "returned"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Only JPEG, PNG and WebP pictures are accepted"),
        (b"", "The submitted file is empty."),
        (b"\xff\xd8\xff\xe0 cut short", "damaged"),
    ],
)
def test_a_bad_file_is_refused_and_what_was_typed_stays(business: Business, content: bytes, said: str) -> None:
    owner = browser_of(make.make_member(business))
    data = sent(
        business,
        do="add",
        **{"new-file": SimpleUploadedFile("a.jpg", content), "new-alt_en": "Kept words", "new-alt_ja": "残る言葉"},
    )
    answer = owner.post(address(business), data)
    page = answer.content.decode()
    assert answer.status_code == 422 and said in page and "Kept words" in page and re.search(r"<title>\s*Error:", page)
    assert not Proposal.objects.exists()


def test_a_picture_is_described_in_both_languages_before_it_is_submitted(business: Business, owner: Client) -> None:
    added(owner, business, "Rafts", "orange")
    refused = owner.post(address(business), sent(business, do="submit", **{"1-alt_ja": ""}))
    assert refused.status_code == 422 and "1-alt_ja" in refused.content.decode()
    assert Proposal.objects.get().state == "draft"
    # What is taken away need not be described first.
    owner.post(address(business), sent(business, do="remove:1", **{"1-alt_ja": ""}))
    owner.post(address(business), sent(business, do="remove:0"))
    assert owner.post(address(business), sent(business, do="submit")).status_code == 422
    with pytest.raises(DomainError, match="picture"):
        services.submit(Proposal.objects.get(), actor=None, at=timezone.now())


def test_only_a_picture_that_we_encoded_comes_back(business: Business, owner: Client) -> None:
    added(owner, business, "Rafts", "orange")
    stored = Proposal.objects.get().texts["pictures"][1]["picture"]
    assert stored["widths"] == [320, 640, 960, 1280]
    forged = sent(business, do="save", **{"1-picture": "made:up:signature"})
    assert owner.post(address(business), forged).status_code == 422
    assert Proposal.objects.get().texts["pictures"][1]["picture"] == stored


def test_no_more_pictures_than_there_is_room_for(business: Business) -> None:
    item = queries.on_the_page(business, "pictures")["pictures"][0]
    member = make.make_member(business)
    many = {"section": "pictures", "texts": {"pictures": [item] * 9}, "version": 0, "actor": member}
    with pytest.raises(DomainError, match="8"):
        services.save(business, at=timezone.now(), **many)


def test_two_devices_never_overwrite_each_other(business: Business, owner: Client) -> None:
    stale = sent(business, do="save", **{"0-alt_en": "From the phone"})
    added(owner, business, "From the office", "orange")
    answer = owner.post(address(business), stale)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "From the phone" in page
    assert "From the officeの絵" in page
    assert len(Proposal.objects.get().texts["pictures"]) == 2


def test_a_team_is_shown_with_words_and_portraits_where_there_are_some(business: Business, owner: Client) -> None:
    url = address(business, "team")
    first = {f"new-{name}": value for name, value in TEAM.items()}
    assert owner.post(url, sent(business, "team", do="add", **first, **{"new-file": file("pink")})).status_code == 302
    second = {
        **first,
        "new-name_en": "Ken",
        "new-name_ja": "健",
        "new-words_en": "I mend.",
        "new-words_ja": "直す。",
    }
    owner.post(url, sent(business, "team", do="submit", **second))
    proposal = Proposal.objects.get(section="team")
    assert proposal.state == "submitted" and "Opens shells" not in public(business)
    decisions = {"team": Decision(True)}
    services.review(proposal, decisions=decisions, actor=make_staff(REVIEWER), at=timezone.now())
    page = public(business)
    assert "Opens shells" in page and "I mend." in page and "Ken" in page
    aya, ken = TeamPerson.objects.filter(business=business)
    assert aya.digest and aya.width == 1280 and not ken.digest

    owner.post(url, sent(business, "team", do="save", **{"0-without": "on"}))
    assert Proposal.objects.get(section="team", state="draft").texts["team"][0]["picture"] is None


def test_half_of_a_person_is_not_submitted(business: Business, owner: Client) -> None:
    half = {"new-name_en": "Aya", "new-name_ja": "綾", "new-role_en": "Opens shells"}
    answer = owner.post(address(business, "team"), sent(business, "team", do="submit", **half))
    assert answer.status_code == 422 and "new-role_ja" in answer.content.decode()
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamPerson.objects.create(business=business, name_en="Aya", name_ja="綾", role_en="Opens", role_ja="")


def test_what_staff_changed_meanwhile_is_not_overwritten_by_accepting(business: Business, owner: Client) -> None:
    added(owner, business, "Rafts", "orange")
    owner.post(address(business), sent(business, do="submit"))
    business.pictures.update(alt_en="Described anew by staff")
    with pytest.raises(DomainError, match="changed since"):
        services.review(
            Proposal.objects.get(),
            decisions={"pictures": Decision(True)},
            actor=make_staff(REVIEWER),
            at=timezone.now(),
        )


def test_the_recovery_plan_is_written_like_every_text(business: Business, owner: Client) -> None:
    url = address(business, "plan")
    data = {"plan_en": "In spring the rafts.", "plan_ja": "春に筏を作ります。", "version": 0, "do": "submit"}
    assert owner.post(url, data).status_code == 302
    assert "In spring the rafts." not in public(business)
    accepted = {"plan": Decision(True)}
    services.review(Proposal.objects.get(), decisions=accepted, actor=make_staff(REVIEWER), at=timezone.now())
    page = public(business)
    assert 'id="plan"' in page and "In spring the rafts." in page


def test_another_business_is_not_found(business: Business) -> None:
    stranger = browser_of(make.make_member(make.make_business()))
    for section in ("plan", "team", "pictures"):
        assert stranger.get(address(business, section)).status_code == 404
