"""Profiles and the identity check: who may change what, and what the audit trail tells."""

import json
from datetime import UTC, datetime

import pytest
from django.db import connection

from investments.investors import forms, identity, queries, services
from investments.investors.models import Investor
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from tests import make

pytestmark = pytest.mark.django_db
AT = datetime(2026, 5, 20, 3, 0, tzinfo=UTC)

PERSON = {
    "kind": "person",
    "name": "伊藤 遥",
    "name_kana": "イトウ ハルカ",
    "birth_date": "1986-05-01",
    "address": {
        "postal_code": "980-0811",
        "prefecture": "宮城県",
        "city": "仙台市青葉区",
        "street": "一番町1-2-3",
        "building": "",
    },
    "phone": "022-000-0000",
    "purpose": "support",
    "experience": "none",
    "funds_origin": "salary",
}
COMPANY = {
    **PERSON,
    "kind": "company",
    "name": "青葉歯科医院株式会社",
    "name_kana": "アオバシカイイン",
    "corporate_number": "7000012050002",
    "representative": "青葉 一",
}
SECRETS = ("伊藤", "イトウ", "1986", "980-0811", "仙台", "一番町", "022-000", "森田")


def code(call, *arguments, **options) -> str:
    with pytest.raises(DomainError) as caught:
        call(*arguments, **options)
    return caught.value.code


def staff(**values):
    return make.make_user(is_staff=True, **values)


def verified(user=None) -> Investor:
    investor = services.save_profile(user or make.make_user(), PERSON, at=AT)
    return identity.verify_identity(investor, actor=staff(), at=AT)


def test_a_first_profile_is_saved_and_handed_to_the_identity_check() -> None:
    investor = services.save_profile(make.make_user(), PERSON, at=AT)
    investor.refresh_from_db()
    assert (investor.identity_state, investor.identity_changed_at) == ("submitted", AT)
    assert queries.is_complete(investor)
    assert investor.address["city"] == "仙台市青葉区"


def test_a_company_is_saved_with_its_number_and_representative_and_without_a_birth_date() -> None:
    investor = services.save_profile(make.make_user(), COMPANY, at=AT)
    assert (investor.kind, investor.corporate_number, investor.birth_date) == ("company", "7000012050002", "")
    assert queries.is_complete(investor)


def test_saving_the_same_twice_leaves_no_second_trace() -> None:
    user = make.make_user()
    services.save_profile(user, PERSON, at=AT)
    rows = AuditRow.objects.count()
    services.save_profile(user, PERSON, at=AT)
    assert (Investor.objects.filter(user=user).count(), AuditRow.objects.count()) == (1, rows)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "<script>"}, "name"),
        ({"name_kana": "Haruka"}, "name_kana"),
        ({"birth_date": "2015-01-01"}, "birth_date"),
        ({"address": {**PERSON["address"], "prefecture": "Atlantis"}}, "prefecture"),
        ({"address": {**PERSON["address"], "street": "<img src=x>"}}, "street"),
        ({"phone": "1"}, "phone"),
        ({"purpose": "launder"}, "purpose"),
        ({"kind": "robot"}, "kind"),
    ],
)
def test_a_bad_value_is_refused_by_the_service_too_and_names_its_field(changes: dict, field: str) -> None:
    with pytest.raises(DomainError) as caught:
        services.save_profile(make.make_user(), {**PERSON, **changes}, at=AT)
    assert caught.value.data["field"] == field
    assert not Investor.objects.exists()


def test_the_age_limit_is_the_policy_of_the_day() -> None:
    make.make_policy(effective_from=AT.date(), minimum_age=41)
    with pytest.raises(DomainError) as caught:
        services.save_profile(make.make_user(), PERSON, at=AT)
    assert (caught.value.code, caught.value.data["age"]) == ("age", 41)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "森田 遥"},
        {"name_kana": "モリタ ハルカ"},
        {"birth_date": "1986-05-02"},
        {"address": {**PERSON["address"], "city": "石巻市"}},
    ],
)
def test_a_changed_name_birth_date_or_address_is_checked_again(changes: dict) -> None:
    investor = verified()
    services.save_profile(investor.user, {**PERSON, **changes}, at=AT)
    investor.refresh_from_db()
    assert investor.identity_state == "submitted"
    row = AuditRow.objects.filter(action="investments.Investor.submitted").latest("pk")
    assert (row.changes["identity_state"], row.reason) == (["verified", "submitted"], "details changed")


def test_a_changed_telephone_number_or_purpose_needs_no_new_check() -> None:
    investor = verified()
    services.save_profile(investor.user, {**PERSON, "phone": "090-0000-0000", "purpose": "rewards"}, at=AT)
    investor.refresh_from_db()
    assert (investor.identity_state, investor.phone) == ("verified", "090-0000-0000")


def test_the_audit_trail_and_the_table_hold_no_personal_data_in_clear() -> None:
    investor = verified()
    services.save_profile(investor.user, {**PERSON, "name": "森田 遥", "phone": "022-000-1111"}, at=AT)
    told = json.dumps(list(AuditRow.objects.values_list("changes", "reason", "actor_label")), ensure_ascii=False)
    assert '"fields": ["name", "phone"]' in told
    assert not [secret for secret in SECRETS if secret in told]
    with connection.cursor() as cursor:
        cursor.execute("SELECT birth_date, address, phone FROM investments_investor WHERE id = %s", [investor.pk])
        stored = "".join(cursor.fetchone())
    assert not [secret for secret in SECRETS if secret in stored]


def test_a_rejected_profile_is_submitted_again_only_once_it_was_changed() -> None:
    user = make.make_user()
    investor = services.save_profile(user, PERSON, at=AT)
    identity.reject_identity(investor, actor=staff(), at=AT, reason="document unreadable")
    assert services.save_profile(user, PERSON, at=AT).identity_state == "rejected"
    assert services.save_profile(user, {**PERSON, "name": "伊藤 春香"}, at=AT).identity_state == "submitted"


def test_only_other_active_staff_judge_an_identity_check() -> None:
    member = staff()
    investor = services.save_profile(make.make_user(), PERSON, at=AT)
    own = services.save_profile(member, PERSON, at=AT)
    for actor in (None, investor.user, staff(is_active=False)):
        assert code(identity.verify_identity, investor, actor=actor, at=AT) == "not_allowed"
    assert code(identity.verify_identity, own, actor=member, at=AT) == "not_allowed"
    assert code(identity.reject_identity, investor, actor=member, at=AT, reason="  ") == "reason_needed"
    investor.refresh_from_db()
    assert investor.identity_state == "submitted"


def test_the_states_of_the_check_allow_nothing_else() -> None:
    allowed = {
        ("unverified", "submitted"),
        ("submitted", "verified"),
        ("submitted", "rejected"),
        ("rejected", "submitted"),
        ("verified", "submitted"),
    }
    states = Investor.Identity.values
    assert {(a, b) for a in states for b in states if identity.IDENTITY_STATES.allowed(a, b)} == allowed
    assert code(identity.verify_identity, verified(), actor=staff(), at=AT) == "wrong_state"


def test_who_has_orders_does_not_turn_into_a_company() -> None:
    fund = make.make_fund()
    order = make.make_order(fund=fund)
    company = {**COMPANY}
    assert code(services.save_profile, order.investor.user, company, at=AT) == "kind_fixed"


def test_the_queue_of_checks_shows_the_longest_waiting_first() -> None:
    later = services.save_profile(make.make_user(), PERSON, at=AT.replace(hour=9))
    first = services.save_profile(make.make_user(), PERSON, at=AT)
    verified()
    assert list(queries.waiting_for_check()) == [first, later]


def test_a_form_gives_what_the_service_takes_and_back() -> None:
    typed = {**PERSON, **PERSON["address"], "name_kana": "いとう　はるか", "phone": "０２２ー０００ー００００"}
    form = forms.PersonForm(typed, on=AT.date())
    assert form.is_valid(), form.errors
    investor = services.save_profile(make.make_user(), form.profile(), at=AT)
    assert (investor.name_kana, investor.phone) == ("イトウ ハルカ", "022-000-0000")
    again = forms.PersonForm(forms.initial_of(investor), on=AT.date())
    assert again.is_valid(), again.errors
    assert again.profile()["birth_date"].isoformat() == investor.birth_date


def test_a_company_form_gives_what_the_service_takes() -> None:
    form = forms.CompanyForm({**COMPANY, **COMPANY["address"]}, on=AT.date())
    assert form.is_valid(), form.errors
    assert services.save_profile(make.make_user(), form.profile(), at=AT).kind == "company"


def test_a_form_names_each_wrong_field_and_keeps_what_was_typed() -> None:
    typed = {**PERSON, **PERSON["address"], "name": "<b>", "birth_date": "2015-05-01", "postal_code": "12"}
    form = forms.PersonForm(typed, on=AT.date())
    assert set(form.errors) == {"name", "birth_date", "postal_code"}
    assert 'value="&lt;b&gt;"' in str(form["name"])
