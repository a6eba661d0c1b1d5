"""Identity documents: nothing of a file is kept but its pixels, encrypted, for reviewers alone, for their time only."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from PIL import Image

from investments.investors import documents, identity
from investments.models import IdentityCase, IdentityDocument
from microfund.kernel import clock, private
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.crypto import UnreadableField
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.services import dispatch
from tests import make
from tests.businesses import hostile_files as files
from tests.private_files import sweep_years_later

NOW = timezone.now


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, settings) -> Path:
    settings.PRIVATE_ROOT = tmp_path / "private"
    return settings.PRIVATE_ROOT


def send(investor, *, at=None, kind: str = "licence", **given: bytes) -> list[IdentityDocument]:
    given = given or {"front": files.jpeg()}
    opened = {side: io.BytesIO(data) for side, data in given.items()}
    return documents.submit(investor, kind=kind, files=opened, at=at or NOW(), actor=investor.user)


def kept() -> list[Path]:
    folder = Path(settings.PRIVATE_ROOT)
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def decide(investor, outcome: str, **options) -> None:
    staff = make.make_user(is_staff=True)
    if outcome == "rejected":
        identity.reject_identity(investor, actor=staff, at=NOW(), reason="looked", **{"cause": "name", **options})
    else:
        identity.verify_identity(investor, actor=staff, at=NOW(), **options)


# --- Taken in -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_document_is_encoded_anew_encrypted_and_stands_beside_its_check() -> None:
    investor = make.make_investor(verified=False, identity_state="unverified")
    photo = files.photo(800, 500)
    exif = photo.getexif()
    exif[0x010F] = "SecretCamera"
    (row,) = send(investor, front=files.encoded(photo, "JPEG", exif=exif))
    investor.refresh_from_db()
    assert investor.identity_state == "submitted" and row.case.decided_at is None
    (path,) = kept()
    stored = path.read_bytes()
    assert b"SecretCamera" not in stored and b"WEBP" not in stored
    assert path.stat().st_mode & 0o077 == 0
    row = IdentityDocument.objects.get()
    picture = private.get(row.name, row.key)
    assert b"SecretCamera" not in picture and Image.open(io.BytesIO(picture)).size == (800, 500)
    with pytest.raises(UnreadableField):
        private.get(row.name, private.put("identity", b"x")[1])
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM investments_identitydocument")
        assert cursor.fetchone()[0] != row.key
    with pytest.raises(ValueError, match="no address"):
        private.storage().url(row.name)
    assert AuditRow.objects.filter(action="investments.IdentityCase.documents_given").count() == 1


HOSTILE = {
    "an SVG": (files.SVG, "wrong_kind"),
    "a PDF": (files.PDF, "wrong_kind"),
    "a web page": (files.HTML, "wrong_kind"),
    "nothing": (b"", "empty"),
    "a bomb": (files.png_bomb(8_000), "too_many_pixels"),
    "a header that claims too much": (files.png_claiming(100_000, 100_000), "too_many_pixels"),
    "a JPEG and a ZIP": (files.jpeg() + files.zipped(), "two_kinds"),
    "half a JPEG": (files.jpeg(1200, 800)[:9000], "broken"),
    "more than twenty megabytes": (files.jpeg() + bytes(documents.MAX_BYTES), "too_large"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("data", "code"), HOSTILE.values(), ids=list(HOSTILE))
def test_what_is_no_picture_is_refused_at_its_field_and_leaves_nothing(data: bytes, code: str) -> None:
    investor = make.make_investor(verified=False, identity_state="unverified")
    with pytest.raises(DomainError) as refused:
        send(investor, front=files.jpeg(), back=data)
    assert (refused.value.code, refused.value.data["field"]) == (code, "back")
    investor.refresh_from_db()
    assert investor.identity_state == "unverified" and kept() == [] and not IdentityDocument.objects.exists()


@pytest.mark.django_db
def test_the_back_of_a_number_card_is_never_taken() -> None:
    investor = make.make_investor(verified=False)
    with pytest.raises(DomainError) as refused:
        send(investor, kind="number_card", front=files.jpeg(), back=files.jpeg())
    assert refused.value.code == "number_side" and kept() == []
    assert len(send(investor, kind="number_card")) == 1


@pytest.mark.django_db
def test_a_front_and_a_known_kind_are_needed_and_a_verified_person_sends_nothing() -> None:
    investor = make.make_investor(verified=False)
    for given, code in (({"kind": "selfie"}, "choice"), ({"back": files.jpeg()}, "required")):
        with pytest.raises(DomainError) as refused:
            send(investor, **given)
        assert refused.value.code == code
    with pytest.raises(DomainError) as refused:
        send(make.make_investor())
    assert refused.value.code == "verified"


@pytest.mark.django_db
def test_a_flood_of_pictures_is_stopped() -> None:
    investor = make.make_investor(verified=False)
    for _time in range(documents.PER_DAY):
        send(investor, front=files.jpeg(32, 32))
    with pytest.raises(DomainError) as refused:
        send(investor)
    assert refused.value.code == "too_often"
    send(investor, at=NOW() + timedelta(days=1, minutes=1))


@pytest.mark.django_db
def test_a_row_that_cannot_be_written_leaves_no_file(monkeypatch) -> None:
    investor = make.make_investor(verified=False)

    def fail(**kwargs) -> None:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(documents.audit, "record", fail)
    with pytest.raises(RuntimeError):
        send(investor)
    assert kept() == []


@pytest.mark.django_db
def test_sending_again_replaces_what_was_sent(django_capture_on_commit_callbacks) -> None:
    investor = make.make_investor(verified=False)
    (first,) = send(investor)
    with django_capture_on_commit_callbacks(execute=True):
        (second,) = send(investor)
    first.refresh_from_db()
    assert first.deleted_at is not None and first.key == "" and first.case_id == second.case_id
    assert [path.name for path in kept()] == [second.name.split("/")[1]]


# --- Decided ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_rejection_says_why_by_mail_once_and_the_person_may_send_again() -> None:
    investor = make.make_investor(verified=False, user=make.make_user(language="ja"))
    send(investor)
    decide(investor, "rejected", cause="expired")
    dispatch()
    dispatch()
    notice = Notice.objects.get()
    assert notice.recipient == investor.user.email and "有効期限" in notice.text and "looked" not in notice.text
    case = IdentityCase.objects.get()
    assert (case.outcome, case.cause) == ("rejected", "expired") and case.decided_by is not None
    send(investor)
    investor.refresh_from_db()
    assert investor.identity_state == "submitted" and IdentityCase.objects.count() == 2


@pytest.mark.django_db
def test_an_unknown_cause_is_refused_and_somebody_without_a_case_can_be_decided() -> None:
    investor = make.make_investor(verified=False)
    with pytest.raises(DomainError):
        decide(investor, "rejected", cause="he is ugly")
    decide(investor, "verified")
    case = IdentityCase.objects.get()
    assert case.outcome == "verified" and case.opened_at == investor.identity_changed_at or case.opened_at


# --- Deleted ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_documents_go_when_their_time_is_over_and_what_there_was_is_kept(
    settings, django_capture_on_commit_callbacks
) -> None:
    settings.IDENTITY_DOCUMENT_DAYS = 90
    gone, waiting = make.make_investor(verified=False), make.make_investor(verified=False)
    (row,) = send(gone)
    (other,) = send(waiting)
    decide(gone, "verified")
    today = clock.today_in()

    def sweep(days: int) -> dict[str, int]:
        day = today + timedelta(days=days)
        with django_capture_on_commit_callbacks(execute=True):
            return documents.delete_due(on=day, at=NOW())

    assert sweep(90)["deleted"] == 0 and len(kept()) == 2
    assert sweep(91)["deleted"] == 1
    assert sweep(92)["deleted"] == 0, "the same day again is nothing"
    row.refresh_from_db()
    other.refresh_from_db()
    assert row.deleted_at is not None and row.key == "" and other.deleted_at is None
    assert [path.name for path in kept()] == [other.name.split("/")[1]]
    audit = AuditRow.objects.get(action="investments.IdentityCase.documents_deleted")
    assert audit.changes == {"documents": [row.pk]} and "90 days" in audit.reason
    with pytest.raises(DomainError):
        documents.look(row, actor=make.make_user(), at=NOW())


@pytest.mark.django_db
def test_a_file_that_no_row_names_is_swept_away_after_a_day() -> None:
    (row,) = send(make.make_investor(verified=False))
    private.put(documents.FOLDER, b"lost")
    assert sweep_years_later() == 1
    assert [path.name for path in kept()] == [row.name.split("/")[1]]
