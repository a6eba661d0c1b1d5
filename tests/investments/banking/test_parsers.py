"""A statement is read whole or refused with the row that is wrong."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from investments.banking import names, parsers
from microfund.kernel.errors import DomainError
from tests.sandbox_client import SandboxProcess

from .files import csv_file, zengin_file

TODAY = date(2026, 7, 3)


def refusal(content: bytes, format: str = "auto") -> tuple[str, int | None]:
    """The code of the refusal and the row that it names."""
    with pytest.raises(DomainError) as caught:
        parsers.parse(content, format=format, today=TODAY)
    row = caught.value.data.get("row")
    assert str(caught.value).endswith("Nothing was imported.")
    if row is not None:
        assert str(caught.value).startswith(f"Row {row}: ")
    return caught.value.code, row


# --- CSV ------------------------------------------------------------------------------------------------------


def test_csv_credits_are_read_and_debits_left_out() -> None:
    content = csv_file(
        {"payer_code": "1234567897", "memo": "ﾌﾘｺﾐ"},
        {"kind": "debit", "amount": 500},
        {"amount": 5, "date": "2026-07-03"},
    )
    statement = parsers.parse(content, today=TODAY)
    assert statement.format == "csv"
    first, second = statement.credits
    assert (first.row, first.bank_row, first.booked_on, first.amount) == (2, "B00000001", date(2026, 7, 2), 10_500)
    assert (first.payer_name, first.payer_code, first.memo) == ("ｲﾄｳ ﾊﾙｶ", "1234567897", "ﾌﾘｺﾐ")
    assert (second.row, second.amount, second.booked_on, second.cancelled) == (4, 5, date(2026, 7, 3), False)


def test_csv_is_read_with_a_byte_order_mark_and_in_shift_jis() -> None:
    content = csv_file({})
    plain = parsers.parse(content, today=TODAY)
    assert parsers.parse(b"\xef\xbb\xbf" + content, today=TODAY) == plain
    assert parsers.parse(content.decode().encode("cp932"), today=TODAY) == plain


def test_a_statement_without_a_row_is_a_statement() -> None:
    assert parsers.parse(csv_file(), today=TODAY).credits == []
    assert parsers.parse(zengin_file(), today=TODAY).credits == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{}, {"amount": 0}], ("amount", 3)),
        ([{"amount": -5}], ("amount", 2)),
        ([{}, {"balance": 20_000}], ("balance", 3)),
        ([{"balance": "10,500"}], ("balance", 2)),
        ([{"date": "2026-07-04"}], ("future", 2)),
        ([{"date": "2026/07/01"}], ("date", 2)),
        ([{"date": "2026-02-30"}], ("date", 2)),
        ([{"kind": "transfer"}], ("kind", 2)),
        ([{}, {"row_id": "B00000001"}], ("row_id", 3)),
        ([{"row_id": ""}], ("row_id", 2)),
        ([{"payer_name": "A\x00B"}], ("name", 2)),
        ([{"payer_name": "ｱ" * 121}], ("name", 2)),
    ],
)
def test_a_wrong_csv_row_is_named(rows: list[dict[str, object]], expected: tuple[str, int]) -> None:
    assert refusal(csv_file(*rows)) == expected


def test_an_amount_with_a_comma_a_sign_or_a_point_is_refused() -> None:
    good = csv_file({})
    for amount in (b"10.5", b"+10500", b"1e4", "１０５００".encode(), b""):
        assert refusal(good.replace(b",10500,", b"," + amount + b",", 1)) == ("amount", 2)


@pytest.mark.parametrize("kept", [0.35, 0.6, 0.9, 0.99])
def test_a_cut_csv_is_refused(kept: float) -> None:
    content = csv_file({}, {}, {})
    cut = content[: int(len(content) * kept)]
    assert not cut.endswith(b"\n")
    assert refusal(cut, "csv")[0] == "cut"


def test_a_csv_with_a_row_taken_out_is_refused() -> None:
    lines = csv_file({}, {"amount": 7}, {"amount": 9}).splitlines(keepends=True)
    assert refusal(b"".join(lines[:2] + lines[3:])) == ("balance", 3)


def test_a_csv_with_other_columns_is_refused() -> None:
    assert refusal(csv_file({}).replace(b"row_id,date", b"row_id,day")) == ("header", 1)
    assert refusal(csv_file({}).replace(b"credit,10500", b"credit,10500,9")) == ("fields", 2)
    assert refusal(csv_file({}).replace(b"B00000001", b'"B00000001"x'))[0] == "fields"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"PK\x03\x04 a spreadsheet", "format"),
        (b"<html>log in again</html>", "format"),
        (b"x" * (parsers.MAX_BYTES + 1), "too_large"),
        ("row_id,date\r\n".encode("utf-16"), "format"),
    ],
)
def test_what_is_no_statement_is_refused(content: bytes, code: str) -> None:
    assert refusal(content) == (code, None)


def test_bytes_of_no_encoding_name_their_row() -> None:
    assert refusal(csv_file({}, {}).replace(b"B00000002", b"B0000\xff\xff\x81"), "csv") == ("encoding", 3)


# --- Zengin ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crlf", [True, False])
def test_zengin_deposits_are_read_with_and_without_line_ends(crlf: bool) -> None:
    content = zengin_file(
        {"code": "1234567897", "edi": "PO 7"}, {"amount": 3, "day": date(2026, 7, 1), "cancelled": True}, crlf=crlf
    )
    assert len(content) == 5 * (202 if crlf else 200)
    statement = parsers.parse(content, today=TODAY)
    first, second = statement.credits
    assert statement.format == "zengin"
    assert (first.row, first.bank_row, first.booked_on, first.amount) == (2, "000001", date(2026, 7, 2), 10_500)
    assert (first.payer_name, first.payer_code) == ("ｲﾄｳ ﾊﾙｶ", "1234567897")
    assert first.memo == "ｻﾝﾘｸ ﾎﾝﾃﾝ / PO 7"
    assert (second.booked_on, second.amount, second.cancelled) == (date(2026, 7, 1), 3, True)


def test_an_end_of_file_byte_is_no_record() -> None:
    assert len(parsers.parse(zengin_file({}) + b"\x1a", today=TODAY).credits) == 1


def test_numbers_that_a_bank_gives_twice_say_nothing() -> None:
    statement = parsers.parse(zengin_file({"number": 0}, {"number": 0}), today=TODAY)
    assert [credit.bank_row for credit in statement.credits] == ["", ""]


def change(content: bytes, record: int, start: int, text: bytes) -> bytes:
    """The same file with some bytes of one record (from 1) replaced."""
    place = (record - 1) * 202 + start
    return content[:place] + text + content[place + len(text) :]


@pytest.mark.parametrize(
    ("record", "start", "text", "expected"),
    [
        (1, 1, b"03", ("header", 1)),
        (2, 19, b"00000x0500", ("record", 2)),
        (2, 19, b"0000000000", ("amount", 2)),
        (2, 19, b"0000010501", ("total", 4)),
        (2, 7, b"081340", ("date", 2)),
        (2, 7, b"080704", ("date", 2)),
        (2, 7, b"080630", ("date", 2)),
        (2, 127, b"7", ("record", 2)),
        (2, 127, b"1", ("count", 4)),
        (2, 60, b"\x81", ("encoding", 2)),
        (2, 60, b"\x07", ("encoding", 2)),
        (4, 1, b"000003", ("count", 4)),
        (4, 7, b"000000000001", ("total", 4)),
        (5, 1, b"0000000006", ("count", 5)),
        (3, 0, b"8", ("order", 4)),
        (3, 0, b"1", ("order", 3)),
        (5, 0, b"2", ("cut", 5)),
    ],
)
def test_a_wrong_zengin_record_is_named(record: int, start: int, text: bytes, expected: tuple[str, int]) -> None:
    assert refusal(change(zengin_file({}, {"number": 2, "amount": 7}), record, start, text)) == expected


@pytest.mark.parametrize("crlf", [True, False])
@pytest.mark.parametrize("lost", [1, 57, 200, 202, 404, 501, 1_000])
def test_a_cut_zengin_file_is_refused(crlf: bool, lost: int) -> None:
    content = zengin_file(*({"number": n} for n in range(1, 5)), crlf=crlf)
    if crlf and lost == 1:
        assert parsers.parse(content[:-2], today=TODAY).credits, "the last line end may be missing"
        return
    assert refusal(content[:-lost], "zengin")[0] == "cut"


def test_a_record_of_another_length_is_named() -> None:
    lines = zengin_file({}, {"number": 2}).split(b"\r\n")
    lines[2] += b" "
    assert refusal(b"\r\n".join(lines)) == ("record", 3)


def test_dates_before_may_2019_are_heisei() -> None:
    content = zengin_file({"day": date(2019, 4, 26)}).replace(b"080701", b"310401").replace(b"080702", b"310430")
    content = content.replace(b"010426", b"310426")
    assert parsers.parse(content, today=date(2019, 5, 7)).credits[0].booked_on == date(2019, 4, 26)


def test_a_statement_may_be_asked_for_up_to_a_day_that_has_not_come() -> None:
    content = zengin_file({"day": TODAY}, days=(date(2026, 7, 1), TODAY + timedelta(days=28)))
    assert parsers.parse(content, today=TODAY).credits[0].booked_on == TODAY


# --- The sandbox's own files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["csv", "zengin"])
def test_the_sandbox_bank_is_understood(sandbox: SandboxProcess, format: str) -> None:
    clock = sandbox.control("clock")
    today = date.fromisoformat(clock["date"]) if "date" in clock else date.today()
    sent = [
        {"payer_name": "イトウ ハルカ", "payer_code": "1234567897", "amount": 10_500},
        {"payer_name": "1234567897 モリタ ケンジ", "amount": 21_000, "edi": "A1"},
        {"payer_name": "カ）アオバシカ", "amount": 105_000, "kind": "debit"},
        {"payer_name": "ｱｵﾊﾞ", "payer_code": "77", "amount": 9_999_999_999},
    ]
    sandbox.control("bank/transfers", transfers=sent)
    status, content = sandbox.request("GET", f"/bank/statement.{format}")
    assert status == 200
    statement = parsers.parse(content, today=today + timedelta(days=1))
    assert statement.format == format
    assert [credit.amount for credit in statement.credits] == [10_500, 21_000, 9_999_999_999]
    assert [names.plain_code(credit.payer_code) for credit in statement.credits] == ["1234567897", "", "77"]
    assert [names.plain_name(credit.payer_name) for credit in statement.credits] == [
        "イトウハルカ",
        "1234567897モリタケンジ",
        "アオバ",
    ]


# --- Names and codes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [
        ("1234567897", "ｲﾄｳ", ["1234567897"]),
        ("", "1234567897ｲﾄｳ ﾊﾙｶ", ["1234567897"]),
        ("", "１２３４５６７８９７　イトウ", ["1234567897"]),
        ("", "ｲﾄｳ 1234567897", ["1234567897"]),
        ("0000000000", "1234567897 ｲﾄｳ", ["1234567897"]),
        ("12345", "ｲﾄｳ", []),
        ("", "123456789712 ｲﾄｳ", []),
        ("", "ｲﾄｳ", []),
    ],
)
def test_codes_are_found_in_the_field_and_in_the_name(code: str, name: str, expected: list[str]) -> None:
    assert names.code_candidates(code, name) == expected


@pytest.mark.parametrize("written", ["ｷﾖｳｺ ﾀﾅｶ", "キョウコ・タナカ", "きょうこ　たなか", "ｷｮｳｺﾀﾅｶ", "キヨウコ タナカ"])
def test_names_that_a_bank_prints_alike_are_alike(written: str) -> None:
    assert names.plain_name(written) == "キヨウコタナカ"


@pytest.mark.parametrize("change_name", [lambda name: name + "ﾞ", lambda name: name[:-1], lambda name: "ﾀ" + name])
def test_other_names_stay_other_names(change_name: Callable[[str], str]) -> None:
    assert names.plain_name(change_name("ｲﾄｳ ﾊﾙｶ")) != names.plain_name("ｲﾄｳ ﾊﾙｶ")
