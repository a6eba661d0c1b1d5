"""Mails that one may switch off, and those that come whatever one chose."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from microfund.kernel.notices import choices, services
from microfund.kernel.notices.models import Notice, NoticeChoice
from tests import make
from tests.copies import counted_queries
from tests.flows.test_profile import browser_of

pytestmark = pytest.mark.django_db


def mail(user, kind: str = "bank_changed", key: str = "k") -> None:
    account = {"bank_name": "b", "branch_name": "c", "masked": "••••567", "holder": "h", "get_kind_display": "d"}
    services.queue(
        kind,
        key=key,
        to=user.email,
        language="en",
        at=timezone.now(),
        user=user,
        context={"name": "n", "account": account, "url": "u", "first": True},
    )


def test_what_is_no_matter_of_choice_comes_and_costs_no_question() -> None:
    user = make.make_user()
    NoticeChoice.objects.create(user=user, kind="bank_changed", wanted=False, changed_at=timezone.now())
    with counted_queries() as statements:
        assert choices.is_wanted(user, "bank_changed")
    assert statements == []
    mail(user)
    assert Notice.objects.count() == 1


def test_a_kind_that_was_switched_off_is_not_written_until_it_is_wanted_again(monkeypatch) -> None:
    monkeypatch.setitem(choices._optional, "bank_changed", choices.OptionalKind("bank_changed", "label"))
    user, other = make.make_user(), make.make_user()
    choices.choose(user, [], at=timezone.now())
    mail(user)
    mail(other, key="of another")
    assert list(Notice.objects.values_list("user_id", flat=True)) == [other.pk]
    choices.choose(user, ["bank_changed", "no such kind"], at=timezone.now())
    mail(user)
    assert Notice.objects.count() == 2 and not NoticeChoice.objects.filter(kind="no such kind").exists()


def test_the_page_switches_off_and_on() -> None:
    user = make.make_user()
    client = browser_of(user)
    page = client.get(reverse("notifications")).content.decode()
    assert page.count("checked") == len(choices.optional_kinds()) >= 2
    answer = client.post(reverse("notifications"), {"weekday": "0", "transfer_reminder": "on", "bank_changed": "on"})
    assert answer.status_code == 302
    assert choices.wanted_kinds(user) == {"transfer_reminder"}
    page = client.get(reverse("notifications")).content.decode()
    assert page.count("checked") == 1 and "Your choice is saved." in page
    assert choices.wanted_kinds(make.make_user()) == {kind.kind for kind in choices.optional_kinds()}


def test_every_kind_that_can_be_switched_off_has_its_templates() -> None:
    """Those of its own, or those of every plain letter."""
    own = {name.stem for name in Path(settings.BASE_DIR, "templates", "email").glob("*.txt")}
    letters = {"question_answered", "owner_visit_booked"}
    assert {kind.kind for kind in choices.optional_kinds()} <= own | letters
    assert not letters & own and all(str(kind.label) for kind in choices.optional_kinds())


def test_the_page_is_private() -> None:
    assert Client().get(reverse("notifications"))["Location"].startswith(reverse("account_login"))
    assert "no-store" in browser_of(make.make_user()).get(reverse("notifications"))["Cache-Control"]
