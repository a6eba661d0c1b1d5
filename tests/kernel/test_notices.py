"""Notices: one mail for each key, sent outside the transaction, retried, never twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from microfund.kernel.notices import kinds
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.models import Notice

pytestmark = pytest.mark.django_db


@pytest.fixture
def templates(tmp_path: Any, settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(kinds, "_samples", {"test": kinds.Sample("test", "test", "", "", "", lambda language: None)})
    folder = tmp_path / "email"
    folder.mkdir()
    (folder / "test.subject.txt").write_text("Hello {{ who }}\n", encoding="utf-8")
    (folder / "test.txt").write_text("Dear {{ who }}, write to {{ operator.email }}.", encoding="utf-8")
    html = "<html><head><style>p { color: red }</style></head><body><p>Dear {{ who }}</p></body></html>"
    (folder / "test.html").write_text(html, encoding="utf-8")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], str(tmp_path)]}]


def queue(key: str = "one") -> None:
    notices.queue("test", key=key, to="a@example.com", language="en", at=timezone.now(), context={"who": "<Ann>"})


def test_a_key_is_one_mail_however_often_it_is_queued_and_sent(templates: None) -> None:
    queue()
    queue()
    first = Notice.objects.get()
    assert notices.send_due() == {"sent": 1, "errors": 0}
    assert notices.send_due() == {"sent": 0, "errors": 0}
    (sent,) = mail.outbox
    assert sent.subject == "Hello <Ann>" or sent.subject == "Hello &lt;Ann&gt;"
    html = sent.alternatives[0][0]
    assert "&lt;Ann&gt;" in html and 'style="color: red' in html
    assert sent.extra_headers["Message-ID"] == f"<notice-{first.pk}@127.0.0.1>"


def test_a_mail_server_that_refuses_is_asked_again_and_the_reason_is_kept(templates: None, monkeypatch: Any) -> None:
    queue()
    monkeypatch.setattr(notices, "_mail", lambda notice: (_ for _ in ()).throw(ConnectionError("away")))
    assert notices.send_due()["errors"] == 1
    row = Notice.objects.get()
    assert (row.state, row.attempts, row.last_error) == ("queued", 1, "ConnectionError: away")
    assert notices.send_due() == {"sent": 0, "errors": 0}, "not before its time"
    monkeypatch.undo()
    Notice.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    assert notices.send_due()["sent"] == 1 and len(mail.outbox) == 1


def test_a_notice_that_failed_for_good_waits_for_staff(templates: None, monkeypatch: Any) -> None:
    queue()
    monkeypatch.setattr(notices, "_mail", lambda notice: (_ for _ in ()).throw(ConnectionError("away")))
    for _try in range(notices.MAX_ATTEMPTS):
        Notice.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
        notices.send_due()
    row = Notice.objects.get()
    assert row.state == "failed"
    monkeypatch.undo()
    notices.retry(row)
    assert notices.send_due()["sent"] == 1
