"""Who speaks for a business: editors in and out, and always an owner."""

import pytest
from django.utils import timezone

from businesses import members
from businesses.models import Membership
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from tests import make

pytestmark = pytest.mark.django_db


def test_an_editor_comes_in_once_and_an_owner_stays_one() -> None:
    business = make.make_business()
    owner, editor = make.make_member(business), make.make_user()
    for _time in range(2):
        made = members.invite_editor(business, f"  {editor.email.upper()} ", actor=owner, at=timezone.now())
        assert (made.user, made.role) == (editor, "editor")
    assert members.invite_editor(business, owner.email, actor=owner, at=timezone.now()).role == "owner"
    assert business.memberships.count() == 2
    assert AuditRow.objects.filter(action="businesses.Membership.added").count() == 1
    with pytest.raises(DomainError, match="no account"):
        members.invite_editor(business, "nobody@example.com", actor=owner, at=timezone.now())


def test_the_last_owner_who_can_log_in_stays() -> None:
    business = make.make_business()
    owner = make.make_member(business)
    make.make_member(business, is_active=False)
    mine = Membership.objects.get(user=owner)
    with pytest.raises(DomainError) as error:
        members.remove_member(business, mine.pk, actor=owner, at=timezone.now())
    assert error.value.code == "last_owner"
    second = make.make_member(business)
    members.remove_member(business, mine.pk, actor=owner, at=timezone.now())
    assert members.role_of(owner, business) == "" and members.role_of(second, business) == "owner"
    assert AuditRow.objects.filter(action="businesses.Membership.removed").count() == 1


def test_a_member_of_another_business_is_out_of_reach() -> None:
    business, other = make.make_business(), make.make_business()
    owner, theirs = make.make_member(business), make.make_member(other)
    with pytest.raises(Membership.DoesNotExist):
        members.remove_member(business, theirs.memberships.get().pk, actor=owner, at=timezone.now())
