"""What may stand in an investor's profile, and how it is tidied."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investments.investors import rules
from microfund.kernel.errors import DomainError


def refused(rule, *arguments, **options) -> str:
    with pytest.raises(DomainError) as caught:
        rule(*arguments, **options)
    return caught.value.code


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("イトウ ハルカ", "イトウ ハルカ"),
        ("ｲﾄｳ ﾊﾙｶ", "イトウ ハルカ"),
        ("ｶﾞﾝﾊﾞ", "ガンバ"),
        ("いとう　はるか", "イトウ ハルカ"),
        ("エレン　パ－ク", "エレン パーク"),
        ("  エレン   パーク ", "エレン パーク"),
        ("ジャン＝ピエール".replace("＝", "・"), "ジャン・ピエール"),
    ],
)
def test_a_name_in_kana_is_made_full_width_katakana(typed: str, kept: str) -> None:
    assert rules.kana(typed) == kept


@pytest.mark.parametrize("typed", ["伊藤 遥", "Haruka", "イトウ1", "ー・ー", "<script>", "イトウ<b>"])
def test_what_is_not_kana_is_refused(typed: str) -> None:
    assert refused(rules.kana, typed) == "kana"


def test_a_company_may_have_digits_and_capitals_in_its_kana() -> None:
    assert rules.kana("ｱｵﾊﾞ ab歯科2".replace("歯科", "シカ"), company=True) == "アオバ ABシカ2"


@pytest.mark.parametrize(
    "typed", ["伊藤 遥", "髙橋 﨑子", "佐々木 ゆう", "Ellen Park", "Siân O’Neill-Śliwa", "José Núñez", "A. de la Cruz"]
)
def test_a_registered_name_is_kept_character_by_character(typed: str) -> None:
    assert rules.person_name(typed) == typed


@pytest.mark.parametrize("typed", ["<script>alert(1)</script>", "Robert'); DROP TABLE", "a@b.example", "名前1", "😀"])
def test_a_name_has_letters_only(typed: str) -> None:
    assert refused(rules.person_name, typed) == "characters"


def test_a_name_of_blanks_or_controls_is_empty_and_a_long_one_is_too_long() -> None:
    assert refused(rules.person_name, " \u3000\t\u200b") == "required"
    assert refused(rules.person_name, "あ" * 121) == "too_long"
    assert rules.person_name("あ" * 120) == "あ" * 120


# Published numbers of two ministries' agencies.
@pytest.mark.parametrize("number", ["7000012050002", "8000012010038"])
def test_published_corporate_numbers_pass(number: str) -> None:
    assert rules.corporate_number(number) == number


@pytest.mark.parametrize(
    "typed", ["T7000012050002", "７０００-０１２０-５０００２", " 7000 0120 50002 ", "7000ー0120ー50002"]
)
def test_a_corporate_number_may_be_typed_with_marks_and_full_width(typed: str) -> None:
    assert rules.corporate_number(typed) == "7000012050002"


@pytest.mark.parametrize("typed", ["", "700001205000", "70000120500020", "6000012050002", "7000012050003", "abc"])
def test_a_mistyped_corporate_number_is_refused(typed: str) -> None:
    assert refused(rules.corporate_number, typed) == "corporate_number"


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 9))
def test_the_check_digit_sees_a_changed_digit_unless_it_is_a_multiple_of_nine(base: str, place: int, by: int) -> None:
    changed = base[:place] + str((int(base[place]) + by) % 10) + base[place + 1 :]
    difference = int(changed[place]) - int(base[place])
    weight = 2 if (11 - place) % 2 else 1
    same = rules.corporate_check_digit(base) == rules.corporate_check_digit(changed)
    assert same == (difference * weight % 9 == 0)
    assert 1 <= rules.corporate_check_digit(base) <= 9


@pytest.mark.parametrize("typed", ["9800811", "980-0811", "〒980-0811", "９８０－０８１１", "980 0811", "980ー0811"])
def test_a_postal_code_is_kept_in_one_form(typed: str) -> None:
    assert rules.postal_code(typed) == "980-0811"


@pytest.mark.parametrize("typed", ["", "980081", "98008111", "980-O811"])
def test_another_postal_code_is_refused(typed: str) -> None:
    assert refused(rules.postal_code, typed) == "postal_code"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("022-000-0000", "022-000-0000"),
        ("０２２ー０００ー００００", "022-000-0000"),
        ("(022) 000 0000", "022-000-0000"),
        ("09000000000", "09000000000"),
        ("+44 20 7946 0000", "+44-20-7946-0000"),
    ],
)
def test_a_telephone_number_is_tidied(typed: str, kept: str) -> None:
    assert rules.phone(typed) == kept


@pytest.mark.parametrize("typed", ["", "110", "22-000-0000-00", "+1", "phone", "0" * 16, "<b>0220000000</b>"])
def test_what_cannot_be_dialled_is_refused(typed: str) -> None:
    assert refused(rules.phone, typed) == "phone"


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2008, 11, 24), date(2026, 11, 23), 17),
        (date(2008, 11, 24), date(2026, 11, 24), 18),
        (date(2008, 2, 29), date(2026, 2, 27), 17),
        (date(2008, 2, 29), date(2026, 2, 28), 18),
        (date(2008, 2, 29), date(2028, 2, 28), 19),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
    ],
)
def test_age_is_whole_years_also_for_a_birthday_on_29_february(born: date, on: date, age: int) -> None:
    assert rules.age_on(born, on) == age


def test_the_day_before_the_eighteenth_birthday_is_too_young() -> None:
    assert refused(rules.birth_date, date(2008, 11, 24), on=date(2026, 11, 23), minimum_age=18) == "age"
    born = date(2008, 11, 24)
    assert rules.birth_date(born, on=date(2026, 11, 24), minimum_age=18) == born


def test_a_birth_date_in_the_future_or_long_ago_is_a_typing_mistake() -> None:
    assert refused(rules.birth_date, date(2031, 1, 1), on=date(2026, 1, 1), minimum_age=18) == "birth_date"
    assert refused(rules.birth_date, date(1026, 1, 1), on=date(2026, 1, 1), minimum_age=18) == "birth_date"


@given(st.text(max_size=200))
def test_no_text_makes_a_rule_fall_over(text: str) -> None:
    for rule in (rules.line, rules.person_name, rules.kana, rules.corporate_number, rules.postal_code, rules.phone):
        try:
            kept = rule(text)
        except DomainError as error:
            assert str(error)
        else:
            assert rule(kept) == kept, "what is kept is kept again as it is"
            assert "<" not in kept
