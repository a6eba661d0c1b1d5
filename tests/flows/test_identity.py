"""The page of one's own identity check, and what reviewers see of it."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments.investors import documents, identity
from investments.models import IdentityDocument
from microfund.kernel.audit.models import AuditRow
from tests import make
from tests.businesses import hostile_files as files
from tests.flows.test_profile import browser_of
from tests.flows.walk import title_of
from tests.site.staff import console, make_staff, page_of

pytestmark = pytest.mark.django_db
URL = "investments:identity"


def sent(investor) -> IdentityDocument:
    front = {"front": io.BytesIO(files.jpeg())}
    return documents.submit(investor, kind="licence", files=front, at=timezone.now(), actor=investor.user)[0]


def picture(data: bytes = b"", name: str = "card.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data or files.jpeg(), content_type="image/jpeg")


def test_a_document_is_sent_and_the_page_says_so_without_showing_it() -> None:
    investor = make.make_investor(verified=False)
    client = browser_of(investor.user)
    assert "Send a picture of your identity document" in client.get(reverse("me")).content.decode()
    answer = client.post(reverse(URL), {"kind": "licence", "front": picture(), "back": picture()})
    assert (answer.status_code, answer["Location"]) == (302, reverse(URL))
    page = client.get(reverse(URL)).content.decode()
    assert "Your document is here" in page and "driving licence front" in page and "driving licence back" in page
    row = IdentityDocument.objects.first()
    assert row.name not in page and "<img" not in page.split("<main")[1]
    assert "Send a picture of your identity document" not in client.get(reverse("me")).content.decode()


@pytest.mark.parametrize("data", [files.SVG, files.PDF, files.HTML, b""], ids=["svg", "pdf", "html", "empty"])
def test_a_file_that_only_claims_to_be_a_picture_is_refused_at_its_field(data: bytes) -> None:
    client = browser_of(make.make_investor(verified=False).user)
    answer = client.post(
        reverse(URL), {"kind": "licence", "front": SimpleUploadedFile("card.jpg", data, content_type="image/jpeg")}
    )
    assert answer.status_code == 422 and title_of(answer).startswith("Error:")
    assert 'href="#id_front"' in answer.content.decode() and not IdentityDocument.objects.exists()


def test_200_megabytes_are_refused_without_being_decoded(monkeypatch) -> None:
    client = browser_of(make.make_investor(verified=False).user)
    monkeypatch.setattr(documents.images, "reencode", lambda *_args, **_options: pytest.fail("it was opened"))
    huge = SimpleUploadedFile("card.jpg", files.jpeg() + bytes(200 * 1024 * 1024), content_type="image/jpeg")
    answer = client.post(reverse(URL), {"kind": "licence", "front": huge})
    assert answer.status_code == 422 and "larger than 20 MB" in answer.content.decode()


def test_nothing_chosen_is_said_at_each_field() -> None:
    answer = browser_of(make.make_investor(verified=False).user).post(reverse(URL), {"kind": "../../etc/passwd"})
    page = answer.content.decode()
    assert answer.status_code == 422 and 'href="#id_front"' in page and 'href="#id_kind' in page


def test_a_rejected_investor_reads_why_and_sends_again() -> None:
    investor = make.make_investor(verified=False)
    sent(investor)
    identity.reject_identity(
        investor, actor=make.make_user(is_staff=True), at=timezone.now(), reason="internal words", cause="unreadable"
    )
    client = browser_of(investor.user)
    page = client.get(reverse(URL)).content.decode()
    assert "blurred, too dark, or cut off" in page and "internal words" not in page
    assert reverse(URL) in client.get(reverse("me")).content.decode()
    client.post(reverse(URL), {"kind": "passport", "front": picture()})
    investor.refresh_from_db()
    assert investor.identity_state == "submitted"


def test_the_page_is_private() -> None:
    assert Client().get(reverse(URL))["Location"].startswith(reverse("account_login"))
    client = browser_of(make.make_user())
    assert client.get(reverse(URL))["Location"] == reverse("investments:profile")
    page = browser_of(make.make_investor().user).get(reverse(URL))
    assert "no-store" in page["Cache-Control"] and '<form method="post" enctype' not in page.content.decode()


# --- Reviewers ----------------------------------------------------------------------------------------------------


def address(investor, document=None) -> str:
    if document is None:
        return reverse("admin:investments_investor_identity", args=[investor.pk])
    return reverse("admin:investments_investor_document", args=[investor.pk, document.pk])


def test_a_reviewer_sees_details_and_pictures_and_every_look_is_noted() -> None:
    investor = make.make_investor(verified=False)
    document = sent(investor)
    user = make_staff("reviewer")
    client = console(user)
    assert address(investor) in client.get(page_of(investor)).content.decode()
    page = client.get(address(investor)).content.decode()
    assert investor.birth_date in page and "一番町1-2-3" in page and address(investor, document) in page
    assert AuditRow.objects.filter(action="investments.Investor.identity_looked_at", actor=user).count() == 1
    for _time in range(2):
        answer = client.get(address(investor, document))
        assert answer["Content-Type"] == "image/webp" and answer.content[8:12] == b"WEBP"
        assert "no-store" in answer["Cache-Control"] and answer["X-Content-Type-Options"] == "nosniff"
    looks = AuditRow.objects.filter(action="investments.IdentityDocument.looked_at", actor=user)
    assert looks.count() == 2 and looks[0].object_id == str(document.pk)


@pytest.mark.parametrize("role", ["operations", "finance maker", "finance checker", "support", "auditor"])
def test_other_staff_see_neither_and_no_look_is_noted(role: str) -> None:
    investor = make.make_investor(verified=False)
    document = sent(investor)
    client = console(make_staff(role))
    assert client.get(address(investor)).status_code == 403
    assert client.get(address(investor, document)).status_code == 403
    assert not AuditRow.objects.filter(action__contains="looked_at").exists()


def test_a_document_is_found_only_under_its_own_investor_and_not_by_the_person() -> None:
    investor, other = make.make_investor(verified=False), make.make_investor(verified=False)
    document = sent(investor)
    client = console(make_staff("reviewer"))
    assert client.get(address(other, document)).status_code == 404
    assert client.get(reverse("admin:investments_investor_document", args=[investor.pk, 10**9])).status_code == 404
    assert client.get(reverse("admin:investments_investor_identity", args=[10**9])).status_code == 404
    documents.erase(document.case, at=timezone.now(), reason="test")
    assert client.get(address(investor, document)).status_code == 404
    own = browser_of(investor.user).get(address(investor, document))
    assert own.status_code == 302 and own["Location"] == reverse("admin:login") + f"?next={address(investor, document)}"
    assert client.post(address(investor)).status_code == 405
