"""Integer money: no rounding that is not named, no guess about what a person typed."""

from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from microfund.kernel.money import (
    MAX_AMOUNT,
    TWO_DECIMAL,
    ZERO_DECIMAL,
    Money,
    MoneyError,
    floor_rate,
    format_money,
    minor_digits,
    parse_money,
    split_inclusive_tax,
    total,
)

amounts = st.integers(min_value=0, max_value=MAX_AMOUNT)
rates = st.decimals(min_value=0, max_value=1, places=4)


def refusal(call, *args):
    with pytest.raises(MoneyError) as caught:
        call(*args)
    return caught.value.code


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("10500", "JPY", 10500),
        ("10,500", "JPY", 10500),
        ("１０，５００", "JPY", 10500),
        ("¥10,500", "JPY", 10500),
        ("￥１０５００", "JPY", 10500),
        ("\\10,500", "JPY", 10500),
        ("10,500円", "JPY", 10500),
        ("　10,500 円 ", "JPY", 10500),
        ("¥ 10 500", "JPY", 10500),
        ("JPY 10,500", "JPY", 10500),
        ("10500 jpy", "JPY", 10500),
        ("0", "JPY", 0),
        ("007", "JPY", 7),
        ("1,234,567,890", "JPY", 1234567890),
        (str(MAX_AMOUNT), "JPY", MAX_AMOUNT),
        ("₩5,000", "KRW", 5000),
        ("10.50", "USD", 1050),
        ("10.5", "USD", 1050),
        ("$10", "USD", 1000),
        ("US$1,000.05", "USD", 100005),
        ("１０．５０ユーロ", "EUR", 1050),
    ],
)
def test_what_people_type_is_read_as_they_meant_it(text, currency, amount):
    assert parse_money(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("", "JPY", "empty"),
        ("  　 ", "JPY", "empty"),
        ("円", "JPY", "empty"),
        ("-1", "JPY", "negative"),
        ("−500", "JPY", "negative"),
        ("－５００円", "JPY", "negative"),
        ("▲500", "JPY", "negative"),
        ("¥-500", "JPY", "negative"),
        ("-¥500", "JPY", "negative"),
        ("100.5", "JPY", "fraction"),
        ("100.0", "JPY", "fraction"),
        ("100．5円", "JPY", "fraction"),
        ("100.", "JPY", "fraction"),
        ("10.555", "USD", "fraction"),
        ("10.", "USD", "fraction"),
        ("1,00", "JPY", "not_a_number"),
        ("1,0000", "JPY", "not_a_number"),
        (",500", "JPY", "not_a_number"),
        ("5,", "JPY", "not_a_number"),
        ("$100", "JPY", "not_a_number"),
        ("1万円", "JPY", "not_a_number"),
        ("1e3", "JPY", "not_a_number"),
        ("0x10", "JPY", "not_a_number"),
        ("1_000", "JPY", "not_a_number"),
        ("٣", "JPY", "not_a_number"),
        ("¥¥100", "JPY", "not_a_number"),
        ("+5", "JPY", "not_a_number"),
        ("<script>", "JPY", "not_a_number"),
        (str(MAX_AMOUNT + 1), "JPY", "too_large"),
        ("9" * 100, "JPY", "too_large"),
        (" " * 1000 + "9", "JPY", "too_large"),
        ("100", "XXX", "unknown_currency"),
    ],
)
def test_what_cannot_be_an_amount_is_refused_with_its_reason(text, currency, code):
    assert refusal(parse_money, text, currency) == code


def test_a_fraction_of_a_yen_is_refused_in_words_a_person_understands():
    with translation.override("en"), pytest.raises(MoneyError) as caught:
        parse_money("100.5", "JPY")
    assert str(caught.value) == "Enter a whole amount: JPY has no decimals."


@pytest.mark.parametrize(
    ("amount", "currency", "english", "japanese"),
    [
        (10500, "JPY", "¥10,500", "10,500円"),
        (0, "JPY", "¥0", "0円"),
        (-10500, "JPY", "-¥10,500", "-10,500円"),
        (999, "JPY", "¥999", "999円"),
        (5000, "KRW", "₩5,000", "5,000ウォン"),
        (105005, "USD", "$1,050.05", "1,050.05米ドル"),
        (-5, "USD", "-$0.05", "-0.05米ドル"),
        (105000, "CHF", "CHF 1,050.00", "1,050.00 CHF"),
    ],
)
def test_amounts_are_written_as_each_language_writes_them(amount, currency, english, japanese):
    assert format_money(amount, currency, "en") == english
    assert format_money(amount, currency, "ja") == japanese
    assert format_money(amount, currency, "ja-jp") == japanese


def test_without_a_language_the_active_one_is_used():
    with translation.override("ja"):
        assert format_money(10500) == "10,500円"
    with translation.override("en"):
        assert format_money(10500) == "¥10,500"


@given(
    amount=amounts, currency=st.sampled_from(sorted(ZERO_DECIMAL | TWO_DECIMAL)), language=st.sampled_from(["en", "ja"])
)
def test_what_is_written_is_read_back_the_same(amount, currency, language):
    assert parse_money(format_money(amount, currency, language), currency) == amount


def test_minor_digits_know_the_zero_decimal_currencies_and_guess_none():
    assert [minor_digits(code) for code in ("JPY", "KRW", "USD", "EUR")] == [0, 0, 2, 2]
    assert not ZERO_DECIMAL & TWO_DECIMAL
    assert refusal(minor_digits, "BTC") == "unknown_currency"
    assert refusal(minor_digits, "jpy") == "unknown_currency"


def test_money_adds_and_compares_within_one_currency():
    assert Money(5000) + Money(500) == Money(5500)
    assert Money(5000) - Money(5500) == Money(-500)
    assert Money(5000) * 3 == 3 * Money(5000) == Money(15000)
    assert -Money(5) == Money(-5)
    assert Money(1) < Money(2) <= Money(2)
    assert Money(2) > Money(1) >= Money(1)
    assert not Money(0)
    assert Money(1)
    assert total([Money(1), Money(2)]) == Money(3)
    assert total([], "USD") == Money(0, "USD")
    assert str(Money(10500)) == "¥10,500"


@pytest.mark.parametrize(
    "mix",
    [
        lambda yen, won: yen + won,
        lambda yen, won: yen - won,
        lambda yen, won: yen < won,
        lambda yen, won: yen <= won,
        lambda yen, won: yen > won,
        lambda yen, won: yen >= won,
        lambda yen, won: total([yen, won]),
    ],
)
def test_two_currencies_never_mix(mix):
    assert refusal(mix, Money(1, "JPY"), Money(1, "KRW")) == "mixed_currencies"


def test_two_currencies_are_unequal_even_when_both_are_zero():
    assert Money(0, "JPY") != Money(0, "KRW")


@pytest.mark.parametrize("amount", [1.0, True, "1", Decimal(1), None])
def test_only_whole_numbers_are_money(amount):
    assert refusal(Money, amount) == "not_whole"
    assert refusal(format_money, amount) == "not_whole"


@pytest.mark.parametrize("other", [1, 1.5, Decimal("0.5"), "1", None])
def test_money_meets_nothing_but_money_and_whole_factors(other):
    with pytest.raises(TypeError):
        Money(1) + other
    with pytest.raises(TypeError):
        Money(1) < other  # noqa: B015
    if type(other) is not int:
        with pytest.raises(TypeError):
            Money(1) * other


def test_money_is_frozen():
    with pytest.raises(AttributeError):
        Money(1).amount = 2  # type: ignore[misc]


def test_a_fee_of_500_holds_45_yen_of_tax():
    assert split_inclusive_tax(500, Decimal("0.10")) == (455, 45)
    assert split_inclusive_tax(1600, Decimal("0.10")) == (1455, 145)
    assert split_inclusive_tax(500, Decimal("0.08")) == (463, 37)
    assert split_inclusive_tax(0, Decimal("0.10")) == (0, 0)
    assert split_inclusive_tax(500, Decimal("0")) == (500, 0)


@given(gross=amounts, rate=rates)
def test_the_tax_inside_is_the_largest_whole_one_and_nothing_is_lost(gross, rate):
    net, tax = split_inclusive_tax(gross, rate)
    numerator, denominator = rate.as_integer_ratio()
    assert net + tax == gross
    assert tax * (denominator + numerator) <= gross * numerator < (tax + 1) * (denominator + numerator)


@given(amount=amounts, rate=rates)
def test_a_floored_tax_is_within_one_yen_below_the_exact_one(amount, rate):
    tax = floor_rate(amount, rate)
    numerator, denominator = rate.as_integer_ratio()
    assert tax * denominator <= amount * numerator < (tax + 1) * denominator


@pytest.mark.parametrize("function", [split_inclusive_tax, floor_rate])
def test_taxes_refuse_floats_and_negatives(function):
    with pytest.raises(TypeError):
        function(500, 0.1)
    assert refusal(function, -1, Decimal("0.1")) == "negative"
    assert refusal(function, 500, Decimal("-0.1")) == "bad_rate"
    assert refusal(function, 500, Decimal("NaN")) == "bad_rate"
    assert refusal(function, 500.0, Decimal("0.1")) == "not_whole"
