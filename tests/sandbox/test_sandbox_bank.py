"""The bank: transfers by page and by call, the statement as CSV and as Zengin records."""

from __future__ import annotations

import csv
import io
from urllib.parse import urlencode

import pytest

from microfund.sandbox.kana import half_width
from tests.sandbox_client import ControlError, SandboxProcess

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def statement(sandbox: SandboxProcess, query: str = "") -> list[dict[str, str]]:
    status, body = sandbox.request("GET", f"/bank/statement.csv{query}")
    assert status == 200
    return list(csv.DictReader(io.StringIO(body.decode("utf-8"))))


def zengin(sandbox: SandboxProcess, query: str = "") -> list[bytes]:
    status, body = sandbox.request("GET", f"/bank/statement.zengin{query}")
    assert status == 200 and body.endswith(b"\r\n")
    records = body.split(b"\r\n")[:-1]
    assert {len(record) for record in records} == {200}
    assert all(0x20 <= byte <= 0x5D or 0xA1 <= byte <= 0xDF for record in records for byte in record)
    return records


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ヤマダ タロウ", "ﾔﾏﾀﾞ ﾀﾛｳ"),
        ("やまだ たろう", "ﾔﾏﾀﾞ ﾀﾛｳ"),
        ("カ)ショッピング", "ｶ)ｼﾖﾂﾋﾟﾝｸﾞ"),
        ("ｶﾞｯｺｳ", "ｶﾞﾂｺｳ"),
        ("Ellen Park", "ELLEN PARK"),
        ("Ａオー－1", "Aｵ--1"),
        ("ヴァンヶ", "ｳﾞｱﾝｹ"),
        ("  ", ""),
    ],
)
def test_names_are_written_as_banks_write_them(text: str, written: str) -> None:
    assert half_width(text) == written
    assert half_width(written) == written
    assert all(0x20 <= byte <= 0x5D or 0xA1 <= byte <= 0xDF for byte in written.encode("cp932"))


@pytest.mark.parametrize("text", ["山田", "José", "a_b", "名", "x\ny", "😀", "<b>"])
def test_what_banks_cannot_write_is_refused(sandbox: SandboxProcess, text: str) -> None:
    with pytest.raises(ControlError, match="payer_name: banks cannot write"):
        sandbox.control("bank/transfer", payer_name=text, amount=1)
    assert statement(sandbox) == []


def test_the_statement_has_rows_with_running_balances_by_date(sandbox: SandboxProcess) -> None:
    sandbox.control("clock", at="2027-03-02T08:00:00+09:00")
    sandbox.control("bank/transfer", payer_name="イトウ ハルカ", amount=21000, payer_code="1234567")
    sandbox.control("bank/transfer", payer_name="モリタ", amount=500, kind="debit", memo="sent back, 1")
    sandbox.control("bank/transfer", payer_name="モリタ", amount=10500, date="2027-03-01")
    rows = statement(sandbox)
    assert list(rows[0]) == ["row_id", "date", "kind", "amount", "payer_name", "payer_code", "balance", "memo"]
    assert [(r["row_id"], r["date"], r["kind"], r["amount"], r["balance"]) for r in rows] == [
        ("B00000003", "2027-03-01", "credit", "10500", "10500"),
        ("B00000001", "2027-03-02", "credit", "21000", "31500"),
        ("B00000002", "2027-03-02", "debit", "500", "31000"),
    ]
    assert rows[1]["payer_name"] == "ｲﾄｳ ﾊﾙｶ" and rows[1]["payer_code"] == "1234567"
    assert rows[2]["memo"] == "sent back, 1"
    assert [r["balance"] for r in statement(sandbox, "?from=2027-03-02&to=2027-03-02")] == ["31500", "31000"]
    assert statement(sandbox, "?from=2027-03-03") == []
    assert sandbox.request("GET", "/bank/statement.csv?from=1.3.2027")[0] == 400


def test_the_business_date_is_that_of_japan(sandbox: SandboxProcess) -> None:
    for at, day in (("2027-03-01T14:59:59+00:00", "2027-03-01"), ("2027-03-01T15:00:00+00:00", "2027-03-02")):
        sandbox.control("clock", at=at)
        assert sandbox.control("bank/transfer", payer_name="A", amount=1)["date"] == day


def test_zengin_deposit_records_have_every_field_in_its_place(sandbox: SandboxProcess) -> None:
    sandbox.control("clock", at="2027-03-02T08:00:00+09:00")
    sandbox.control(
        "bank/transfers",
        transfers=[
            {"payer_name": "イトウ ハルカ", "amount": 21000, "payer_code": "1234567"},
            {"payer_name": "アオバシカ", "amount": 500, "kind": "debit"},
            {"payer_name": "モリタ", "amount": 9_999_999_999, "payer_code": "AB12", "edi": "INV-5"},
        ],
    )
    header, first, second, trailer, end = (r.decode("cp932") for r in zengin(sandbox, "?from=2027-03-01&to=2027-03-31"))
    assert header[:22] == "1010" + "090302" + "090301" + "090331"
    assert header[67:107] == "ﾄﾓﾌﾞﾈﾌｱﾝﾄﾞ ｼﾝﾀｸｸﾞﾁ".ljust(40)
    assert header[22:26] == "0999" and header[41:44] == "001" and header[59] == "1" and header[60:67] == "1234567"
    assert first == (
        "2" + "000001" + "090302" + "090302" + "0000021000" + "0000000000" + "0001234567" + "ｲﾄｳ ﾊﾙｶ".ljust(48)
        + "ｻﾝﾘｸ".ljust(15) + "ﾎﾝﾃﾝ".ljust(15) + " " + " " * 20 + " " * 52
    )  # fmt: skip
    assert second[19:29] == "9999999999" and second[39:49] == "AB12      " and second[128:148] == "INV-5".ljust(20)
    assert trailer.rstrip() == "8" + "000002" + f"{21000 + 9_999_999_999:012d}" + "000000" + "000000000000"
    assert end.rstrip() == "9" + "0000000005" + "00001"


def test_a_statement_without_deposits_is_still_a_whole_file(sandbox: SandboxProcess) -> None:
    assert [r[:1] for r in zengin(sandbox)] == [b"1", b"8", b"9"]


def test_a_visitor_makes_a_transfer_on_the_page_without_scripts(sandbox: SandboxProcess) -> None:
    sandbox.control("clock", at="2027-03-02T08:00:00+09:00")
    for lang, title in (("en", "Make a transfer"), ("ja", "振込")):
        status, page = sandbox.request("GET", f"/bank/?lang={lang}&payer_code=1234567&amount=21000")
        assert status == 200 and f'lang="{lang}"' in page.decode() and title in page.decode()
        assert 'value="1234567"' in page.decode() and 'value="2027-03-02"' in page.decode()
        assert "<script" not in page.decode() and "style=" not in page.decode()
    form = {"payer_name": "いとう はるか", "payer_code": "1234567", "amount": "21,000", "date": "2027-03-01"}
    assert sandbox.request("POST", "/bank/?lang=ja", urlencode(form), FORM)[0] == 303
    assert sandbox.request("GET", "/bank/?lang=ja&done=B00000001")[1].decode().count("ｲﾄｳ ﾊﾙｶ") == 2
    assert [(r["date"], r["amount"], r["payer_code"]) for r in statement(sandbox)] == [
        ("2027-03-01", "21000", "1234567")
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "1.5"}, "amount"),
        ({"amount": "12345678901"}, "amount"),
        ({"amount": "²"}, "amount"),
        ({"payer_name": ""}, "payer_name"),
        ({"payer_name": "山田太郎"}, "payer_name"),
        ({"payer_name": "ア" * 49}, "payer_name"),
        ({"payer_code": "12345678901"}, "payer_code"),
        ({"date": "1.3.2027"}, "date"),
    ],
)
def test_a_mistake_on_the_page_is_named_at_its_field_and_moves_no_money(
    sandbox: SandboxProcess, wrong: dict[str, str], field: str
) -> None:
    form = {"payer_name": "ア", "payer_code": "1", "amount": "5", "date": "", **wrong}
    status, page = sandbox.request("POST", "/bank/?lang=en", urlencode(form), FORM)
    assert status == 422
    assert f'id="{field}-error"' in page.decode() and f'href="#{field}"' in page.decode()
    assert statement(sandbox) == []


@pytest.mark.parametrize(
    "given",
    [
        {"payer_name": "ア", "amount": 0},
        {"payer_name": "ア", "amount": "5"},
        {"payer_name": "ア", "amount": 1.5},
        {"payer_name": "ア", "amount": True},
        {"payer_name": "", "amount": 5},
        {"payer_name": "ア"},
        {"payer_name": "ア", "amount": 5, "kind": "gift"},
        {"payer_name": "ア", "amount": 5, "colour": "red"},
        {"payer_name": "ア", "amount": 5, "date": "soon"},
    ],
)
def test_a_mistaken_transfer_by_call_is_refused(sandbox: SandboxProcess, given: dict[str, object]) -> None:
    with pytest.raises(ControlError) as caught:
        sandbox.control("bank/transfer", **given)
    assert caught.value.status == 400
    with pytest.raises(ControlError):  # one bad transfer in many: none is made
        sandbox.control("bank/transfers", transfers=[{"payer_name": "イ", "amount": 7}, given])
    assert statement(sandbox) == []
