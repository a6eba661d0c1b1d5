"""The bank file of general transfers: bytes, names, limits (domain.md section 8)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investments.banking import zengin
from investments.banking.zengin import BankProfile, CutName, Transfer
from microfund.kernel.errors import DomainError

SAMPLE = Path(__file__).parent / "general_transfer.txt"
PAY_ON = date(2026, 11, 30)


def profile(**values: Any) -> BankProfile:
    return BankProfile(
        **{
            "client_code": "0000012345",
            "client_name": "トモブネフアンド",
            "bank_code": "0999",
            "bank_name": "サンリク",
            "branch_code": "001",
            "branch_name": "ホンテン",
            "account_kind": "1",
            "account_number": "1234567",
            **values,
        }
    )


def transfer(**values: Any) -> Transfer:
    return Transfer(
        **{
            "attempt": 7,
            "bank_code": "0001",
            "bank_name": "ミズホ",
            "branch_code": "110",
            "branch_name": "センダイ",
            "account_kind": "1",
            "account_number": "7654321",
            "payee": "イトウ ハルカ",
            "amount": 624,
            **values,
        }
    )


def file_of(*transfers: Transfer, **values: Any) -> bytes:
    return b"".join(zengin.render(transfers, profile(**values), PAY_ON))


# --- A parser of the test's own: fields by place, as the bank's manual lists them ---------------------------------

_DATA = {"bank": (1, 5), "bank_name": (5, 20), "branch": (20, 23), "branch_name": (23, 38), "kind": (42, 43),
         "number": (43, 50), "payee": (50, 80), "amount": (80, 90), "code": (91, 111)}  # fmt: skip


def read(content: bytes) -> dict[str, Any]:
    """Header fields, data rows and the trailer's figures; every record must be 120 bytes."""
    rows = [content[at : at + 120].decode("shift_jis") for at in range(0, len(content), 122)]
    assert all(len(row) == 120 for row in rows)
    assert [row[0] for row in rows] == ["1", *"2" * (len(rows) - 3), "8", "9"]
    return {
        "client": rows[0][4:14],
        "date": rows[0][54:58],
        "rows": [{name: row[a:b].rstrip() for name, (a, b) in _DATA.items()} for row in rows[1:-2]],
        "count": int(rows[-2][1:7]),
        "total": int(rows[-2][7:19]),
    }


def test_a_file_is_the_sample_that_was_checked_by_hand_byte_for_byte() -> None:
    made = file_of(
        transfer(),
        transfer(
            attempt=12_345_678_901_234_567_890,
            bank_code="9900",
            bank_name="ゆうちょ",
            branch_code="818",
            branch_name="ハチイチハチ",
            account_kind="1",
            account_number="12345",
            payee="カ）ギョギョウ・コウシャ",
            amount=9_999_999_999,
        ),
        transfer(attempt=9, payee="ヴァイオレット-ミュラー ケンヂ", amount=1),
    )
    assert made == SAMPLE.read_bytes()


def test_a_file_is_read_back_as_it_was_meant() -> None:
    found = read(file_of(transfer(), transfer(attempt=8, amount=100, account_number="123")))
    assert (found["client"], found["date"], found["count"], found["total"]) == ("0000012345", "1130", 2, 724)
    assert found["rows"][0] == {
        "bank": "0001", "bank_name": "ﾐｽﾞﾎ", "branch": "110", "branch_name": "ｾﾝﾀﾞｲ", "kind": "1",
        "number": "7654321", "payee": "ｲﾄｳ ﾊﾙｶ", "amount": "0000000624", "code": "0" * 19 + "7",
    }  # fmt: skip
    assert found["rows"][1]["number"] == "0000123"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("いとう はるか", "ｲﾄｳ ﾊﾙｶ"),
        ("ｲﾄｳ　ﾊﾙｶ", "ｲﾄｳ ﾊﾙｶ"),
        ("ガギグゲゴ パピプペポ ヴ", "ｶﾞｷﾞｸﾞｹﾞｺﾞ ﾊﾟﾋﾟﾌﾟﾍﾟﾎﾟ ｳﾞ"),
        ("キャット ショッピング ァィゥェォ", "ｷﾔﾂﾄ ｼﾖﾂﾋﾟﾝｸﾞ ｱｲｳｴｵ"),
        ("ヮヵヶヰヱ", "ﾜｶｹｲｴ"),
        ("スーパー‐ー―−－", "ｽ-ﾊﾟ-----" + "-"),
        ("ヲ", "ｵ"),
        ("abc ＡＢＣ １２３", "ABC ABC 123"),
        ("カ）アオバ（シカ）．・", "ｶ)ｱｵﾊﾞ(ｼｶ).."),
        ("か\u3099", "ｶﾞ"),
    ],
)
def test_names_become_what_banks_read(name: str, plain: str) -> None:
    assert zengin.plain(name) == plain


@pytest.mark.parametrize(
    "name", ["伊藤", "Müller", "ｱ,ｲ", "ア＆イ", "ア/イ", "ア\tイ", "ア\nイ", "😀", "ア「イ」", "\\1"]
)
def test_a_letter_that_no_bank_takes_is_an_error_that_names_the_payee(name: str) -> None:
    with pytest.raises(DomainError) as refused:
        file_of(transfer(payee=name))
    assert refused.value.code == "letter"
    assert name in str(refused.value)


def test_a_bank_may_take_more_letters_and_keep_wo() -> None:
    found = read(file_of(transfer(payee="ヲノ,ノ/ア"), extra=",/ｦ", o_for_wo=False))
    assert found["rows"][0]["payee"] == "ｦﾉ,ﾉ/ｱ"


def test_a_long_name_is_cut_at_thirty_bytes_with_a_warning_and_never_loses_half_a_letter() -> None:
    warnings: list[CutName] = []
    name = "ア" * 29 + "ガイ"
    list(zengin.render([transfer(payee=name)], profile(), PAY_ON, warnings=warnings))
    assert [(own.attempt, own.kept) for own in warnings] == [(7, "ｱ" * 29)]
    assert read(file_of(transfer(payee="ア" * 40)))["rows"][0]["payee"] == "ｱ" * 30


@pytest.mark.parametrize("amount", [0, -1, 10_000_000_000])
def test_an_amount_that_cannot_be_transferred_is_refused(amount: int) -> None:
    with pytest.raises(DomainError) as refused:
        file_of(transfer(amount=amount))
    assert refused.value.code == "amount"


@pytest.mark.parametrize(
    "values", [{"account_kind": "3"}, {"bank_code": "12"}, {"account_number": "12345678"}, {"branch_code": "ABC"}]
)
def test_an_account_that_cannot_be_one_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        file_of(transfer(**values))
    assert refused.value.code == "account"


def test_a_file_holds_no_more_rows_than_the_bank_takes() -> None:
    with pytest.raises(DomainError) as refused:
        file_of(transfer(), transfer(), transfer(), row_limit=2)
    assert refused.value.code == "rows"


@pytest.mark.parametrize(
    "values",
    [{"client_code": "123"}, {"account_kind": "4"}, {"row_limit": 0}, {"extra": "漢"}, {"branch_code": "１１１"}],
)
def test_a_profile_that_no_bank_has_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        profile(**values)
    assert refused.value.code == "profile"


def test_records_may_stand_without_ends() -> None:
    made = file_of(transfer(), transfer(), crlf=False)
    assert len(made) == 5 * 120
    assert zengin.sums(made) == zengin.sums(file_of(transfer(), transfer())) == (2, 1_248)


@pytest.mark.parametrize(
    ("symbol", "number", "account"),
    [
        ("10170", "12345671", ("018", "1", "1234567")),
        ("１１９４０", "3１", ("198", "1", "0000003")),
        ("00160", "123456", ("019", "2", "0123456")),
    ],
)
def test_symbol_and_number_of_japan_post_become_an_account(
    symbol: str, number: str, account: tuple[str, str, str]
) -> None:
    assert zengin.japan_post(symbol, number) == account


@pytest.mark.parametrize(("symbol", "number"), [("10171", "12345671"), ("10170", "12345672"), ("1017", "1"), ("", "")])
def test_no_other_digits_are_taken_for_japan_post(symbol: str, number: str) -> None:
    with pytest.raises(DomainError):
        zengin.japan_post(symbol, number)


@given(
    st.text(alphabet=st.characters(codec="utf-8", max_codepoint=0x10FFFF), min_size=1, max_size=45),
    st.integers(1, 9_999_999_999),
)
def test_any_name_is_written_in_the_bytes_that_banks_take_or_refused(name: str, amount: int) -> None:
    try:
        content = file_of(transfer(payee=name, amount=amount), crlf=False)
    except DomainError as error:
        assert error.code == "letter"
        return
    assert len(content) == 480
    assert all(0x20 <= byte <= 0x5D or 0xA1 <= byte <= 0xDF for byte in content)
