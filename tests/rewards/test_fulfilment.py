"""Packing and sending: batches, numbers, what went wrong, and who may read an address for how long."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import date, timedelta
from typing import Any

import pytest
import typst

from investments.investors import rules
from microfund.kernel import typesetting
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from rewards import carriers, cycles, fulfilment, labels
from rewards.models import Batch, Cycle, Entitlement, Parcel
from tests import make, repay
from tests.repay import books_are_right
from tests.rewards import build

pytestmark = pytest.mark.django_db

#: How many columns the layout of each carrier has (docs/rewards.md).
COLUMNS = {"yamato": 95, "sagawa": 74, "post": 118, "clickpost": 8}


@pytest.fixture
def closed() -> tuple[Cycle, Any]:
    """Three parcels that were claimed, of which one is passed on; the cycle is closed."""
    cycle, at = build.opened(1, 1, 1)
    place = build.make_donee()
    for number, prefecture in enumerate(("東京都", "青森県")):
        build.claim(build.row_of(cycle, number), at=at, address={**build.HOME, "prefecture": prefecture})
    build.claim(build.row_of(cycle, 2), at=at, donee_id=place.pk)
    over = build.after_closing(cycle)
    cycles.close_due(on=over.date(), at=over)
    return cycle, over


def states() -> list[str]:
    return list(Entitlement.objects.order_by("pk").values_list("state", flat=True))


def test_what_was_claimed_is_packed_once_and_sent_with_its_numbers(closed: tuple[Cycle, Any]) -> None:
    cycle, at = closed
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at, most=2)
    second = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    assert (batch.parcels.count(), second.parcels.count(), second.number) == (2, 1, 2)
    with pytest.raises(DomainError) as refused:
        fulfilment.pack(cycle, actor=repay.staff(), at=at)
    assert refused.value.code == "nothing"
    first = build.row_of(cycle)
    parcel = Parcel.objects.get(entitlement=first)
    rows = list(parcel.batch.parcels.values_list("entitlement_id", flat=True))
    content = "番号,伝票\r\n" + "".join(f"{pk},4567-{pk:04d}\r\n" for pk in rows)
    numbers = fulfilment.read_tracking(parcel.batch, content.encode("cp932"))
    sent = fulfilment.ship(
        parcel.batch, carrier="post", shipped_on=at.date(), tracking=numbers, actor=repay.staff(), at=at
    )
    assert sent == len(rows)
    parcel.refresh_from_db()
    assert (parcel.tracking, parcel.carrier) == (f"4567-{first.pk:04d}", "post")
    with pytest.raises(DomainError) as again:
        fulfilment.ship(parcel.batch, carrier="post", shipped_on=at.date(), actor=repay.staff(), at=at)
    assert again.value.code == "nothing"
    books_are_right()


def test_single_parcels_are_sent_and_taken_out_of_a_batch(closed: tuple[Cycle, Any]) -> None:
    cycle, at = closed
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    one, two, given = (row.pk for row in Entitlement.objects.order_by("pk"))
    fulfilment.ship(batch, carrier="other", shipped_on=at.date(), only={one}, actor=repay.staff(), at=at)
    fulfilment.unpack(batch, two, actor=repay.staff(), at=at)
    fulfilment.unpack(batch, given, actor=repay.staff(), at=at)
    assert states() == ["shipped", "claimed", "passed_on"]
    assert fulfilment.pack(cycle, actor=repay.staff(), at=at).parcels.count() == 2
    books_are_right()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no parcel"),
        (b"x,y\n", "holds no parcel"),
        (b"\x81\x20", "neither UTF-8 nor Shift JIS"),
        (b"999999,12345\n", "Row 1: this parcel is not in the batch"),
        (b"PK,12345\nPK,12346\n", "Row 2: this parcel stands there twice"),
        (b"PK\n", "Row 1: it has too few columns"),
        (b"PK,=1+1\n", "Row 1: this is no tracking number"),
        (b"x" * (1024 * 1024 + 1), "too large"),
    ],
)
def test_a_bad_list_of_numbers_is_refused_whole(closed: tuple[Cycle, Any], content: bytes, message: str) -> None:
    cycle, at = closed
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    pk = str(Parcel.objects.filter(batch=batch)[0].entitlement_id).encode()
    with pytest.raises(DomainError) as refused:
        fulfilment.read_tracking(batch, content.replace(b"PK", pk))
    assert message in str(refused.value)


def test_numbers_that_are_none_days_to_come_and_unknown_carriers_are_refused(closed: tuple[Cycle, Any]) -> None:
    cycle, at = closed
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    good = {"carrier": "post", "shipped_on": at.date(), "actor": repay.staff(), "at": at}
    for code, values in (
        ("carrier", {"carrier": "pigeon"}),
        ("future", {"shipped_on": at.date() + timedelta(days=1)}),
        ("tracking", {"tracking": {1: "<b>1</b>"}}),
    ):
        with pytest.raises(DomainError) as refused:
            fulfilment.ship(batch, **{**good, **values})
        assert refused.value.code == code
    assert set(states()) == {"packing"}


def test_what_did_not_arrive_well_is_asked_about_and_settled(closed: tuple[Cycle, Any]) -> None:
    cycle, at = closed
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    fulfilment.ship(batch, carrier="yamato", shipped_on=at.date(), actor=repay.staff(), at=at)
    row = build.row_of(cycle)
    with pytest.raises(DomainError):
        fulfilment.report_problem(row.pk, problem="eaten", note="", actor=repay.staff(), at=at)
    fulfilment.report_problem(row.pk, problem="damaged", note="It fell.", actor=repay.staff(), at=at)
    with pytest.raises(DomainError):
        fulfilment.substitute(row.pk, note=" ", actor=repay.staff(), at=at)
    assert fulfilment.substitute(row.pk, note="A jar of paste", actor=repay.staff(), at=at).state == "substituted"
    books_are_right()


def test_what_was_sent_has_arrived_after_two_weeks_and_its_address_is_erased_after_a_month(
    closed: tuple[Cycle, Any],
) -> None:
    cycle, at = closed
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    fulfilment.ship(batch, carrier="yamato", shipped_on=at.date(), actor=repay.staff(), at=at)
    for days, state, shown, kept in ((14, "shipped", 3, 3), (15, "delivered", 3, 3), (31, "delivered", 0, 0)):
        day = at.date() + timedelta(days=days)
        cycles.deliver_due(on=day, at=make.at_noon(day))
        assert set(states()) == {state}
        assert fulfilment.visible(batch, on=day).count() == shown
        assert sum(bool(parcel.address) for parcel in Parcel.objects.all()) == kept


def test_every_export_is_recorded_and_says_what_a_label_says(closed: tuple[Cycle, Any]) -> None:
    cycle, at = closed
    hostile = {**build.HOME, "name": "=SUM(A1)", "building": "髙﨑ビル𠮷"}
    build.claim(build.row_of(cycle), at=at, address=hostile)
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    for kind in labels.KINDS:
        content, name = labels.export(batch, kind, actor=repay.staff(), at=at)
        assert name.startswith(f"tomobune-{kind}-")
        if kind in carriers.LAYOUTS:
            text = content.decode("cp932")
            rows = list(csv.reader(io.StringIO(text)))
            assert len(rows) == 4 and {len(row) for row in rows} == {COLUMNS[kind]}
            assert "'=SUM(A1)" in text and "髙﨑ビル〓" in text
            assert "宮城県仙台市青葉区一番町1-2-3" in text.replace(",", "")
        else:
            assert content.startswith(b"%PDF")
    taken = AuditRow.objects.filter(action="rewards.Batch.exported")
    assert taken.count() == len(labels.KINDS) and taken[0].changes["parcels"] == 3
    with pytest.raises(DomainError):
        labels.export(batch, "everything", actor=repay.staff(), at=at)
    Parcel.objects.update(erased_at=at)
    Entitlement.objects.update(state="delivered")
    with pytest.raises(DomainError) as refused:
        labels.export(batch, "labels", actor=repay.staff(), at=at)
    assert refused.value.code == "nothing"
    assert Batch.objects.count() == 1


# --- The carriers' layouts ----------------------------------------------------------------------------------------


def test_a_long_address_is_spread_over_the_columns_and_nothing_of_it_is_lost(closed: tuple[Cycle, Any]) -> None:
    cycle, at = closed
    long = {
        **build.HOME,
        "prefecture": "鹿児島県",
        "city": "大島郡瀬戸内町",
        "street": "大字古仁屋字船津" + "一二三四五六七八九十" * 3 + "番地の12",
        "building": "サンライズ・マリンビュー古仁屋東棟 1203号室",
    }
    build.claim(build.row_of(cycle), at=at, address=long)
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    whole = carriers.street(Parcel.objects.get(entitlement=build.row_of(cycle))) + long["building"].replace(" ", "")
    for kind, names, widths in (
        (
            "yamato",
            ["お届け先住所", "お届け先アパートマンション名", "お届け先会社・部門１", "お届け先会社・部門２"],
            (32, 16, 25),
        ),
        ("sagawa", ["お届け先住所１", "お届け先住所２", "お届け先住所３"], (16, 16)),
        ("post", ["お届け先住所１", "お届け先住所２", "お届け先住所３"], (25, 25)),
        ("clickpost", [f"お届け先住所{number}行目" for number in "1234"], (20, 20, 20)),
    ):
        content, _name = labels.export(batch, kind, actor=repay.staff(), at=at)
        head, *rows = csv.reader(io.StringIO(content.decode("cp932")))
        own = next(dict(zip(head, row, strict=True)) for row in rows if "鹿児島県" in ",".join(row))
        cells = [own[name] for name in names]
        assert "".join(cells).replace(" ", "") == whole
        assert all(len(cell) <= width for cell, width in zip(cells, widths, strict=False))


def test_the_columns_stand_where_the_carriers_look_for_them() -> None:
    """Positions that more than one public description agrees on (docs/rewards.md)."""
    for kind, name, position in (
        ("yamato", "お客様管理番号", 1), ("yamato", "クール区分", 3), ("yamato", "出荷予定日", 5),
        ("yamato", "お届け先電話番号", 9), ("yamato", "お届け先郵便番号", 11), ("yamato", "お届け先名", 16),
        ("yamato", "品名１", 28), ("yamato", "運賃管理番号", 42), ("sagawa", "お届け先電話番号", 3),
        ("sagawa", "お届け先郵便番号", 4), ("sagawa", "お届け先名称１", 8), ("sagawa", "お客様管理番号", 10),
        ("sagawa", "品名１", 25), ("sagawa", "出荷個数", 42), ("sagawa", "クール便指定", 44), ("sagawa", "出荷日", 61),
        ("post", "お客様側管理番号", 1), ("post", "保冷種別", 7), ("post", "お届け先郵便番号", 13),
        ("post", "お届け先名称１", 17), ("post", "お届け先電話番号", 20), ("post", "フリー項目０１", 76),
        ("clickpost", "お届け先郵便番号", 1), ("clickpost", "お届け先氏名", 2), ("clickpost", "内容品", 8),
    ):  # fmt: skip
        assert carriers.LAYOUTS[kind].index(name) + 1 == position, (kind, name)


#: By carrier: the columns of postal code, telephone and date, and how the program takes them (docs/rewards.md).
FORMS = {
    "yamato": {
        "お届け先郵便番号": r"\d{3}-\d{4}", "お届け先電話番号": r"0[0-9-]{9,14}", "出荷予定日": r"\d{4}/\d\d/\d\d",
        "送り状種類": "0", "クール区分": "[02]", "お客様管理番号": "[0-9A-Za-z]{1,20}",
    },
    "sagawa": {
        "お届け先郵便番号": r"\d{3}-\d{4}", "お届け先電話番号": r"0[0-9-]{9,13}", "出荷日": r"\d{8}",
        "荷姿": "001", "クール便指定": "00[12]", "お客様管理番号": "[0-9A-Za-z]{1,16}",
    },
    "post": {
        "お届け先郵便番号": r"\d{3}-\d{4}", "お届け先電話番号": r"0[0-9-]{9,19}", "発送予定日": r"\d{8}",
        "郵便種別": "0", "保冷種別": "[01]", "お客様側管理番号": "[0-9A-Za-z]{1,15}",
    },
    "clickpost": {"お届け先郵便番号": r"\d{3}-\d{4}", "お届け先敬称": "様", "内容品": ".{1,15}"},
}  # fmt: skip


def rows_of(content: bytes) -> list[dict[str, str]]:
    head, *rows = csv.reader(io.StringIO(content.decode("cp932")))
    return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("kind", carriers.LAYOUTS)
def test_codes_telephones_and_days_have_the_form_that_the_program_takes(kind: str, cold: bool) -> None:
    cycle, at = build.opened(2, 3, cold=cold)
    build.claim(build.row_of(cycle), at=at)
    build.claim(build.row_of(cycle, 1), at=at, address={**build.HOME, "phone": "+81 (0)90 1234 5678"})
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    if cold and kind in carriers.NOT_COLD:
        with pytest.raises(DomainError) as refused:
            labels.export(batch, kind, actor=repay.staff(), at=at)
        assert refused.value.code == "kind"
        return
    content, _name = labels.export(batch, kind, actor=repay.staff(), at=at)
    assert b"\r\n" in content and not content.startswith(b"\xef\xbb\xbf")
    rows = rows_of(content)
    assert len(rows) == 2
    for row in rows:
        for name, form in FORMS[kind].items():
            assert re.fullmatch(form, row[name]), (name, row[name])
    if kind != "clickpost":
        assert "090-1234-5678" in {row["お届け先電話番号"] for row in rows}


def test_a_telephone_abroad_is_left_out_and_a_long_one_loses_its_hyphens() -> None:
    parcel = Parcel(address={"phone": "+44-20-7946-0000"})
    assert carriers.phone(parcel, 15) == ""
    parcel.address = {"phone": "0123-45-6789-0123"}
    assert (carriers.phone(parcel, 14), carriers.phone(parcel, 20)) == ("01234567890123", "0123-45-6789-0123")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("一番町1−2〜3", "一番町1－2～3"),  # what a Mac writes for the hyphen and the wave
        ("André Ńowak", "Andre Nowak"),
        ("葛\U000e0100城", "葛城"),  # a form of a letter, chosen by a mark behind it
        ("髙﨑①㈱Ⅲ", "髙﨑①㈱Ⅲ"),
        ("𠮷野家🍣", "〓野家〓"),
    ],
)
def test_letters_that_cp932_does_not_have_are_written_with_those_that_it_has(written: str, shown: str) -> None:
    assert carriers.legible(written) == shown
    assert carriers.legible(written).encode("cp932")


def test_more_rows_than_the_program_takes_come_in_several_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(carriers.MOST_ROWS, "clickpost", 2)
    cycle, at = build.opened(2, 2, 2)
    for number in range(3):
        build.claim(build.row_of(cycle, number), at=at)
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    content, name = labels.export(batch, "clickpost", actor=repay.staff(), at=at)
    assert name.endswith(".zip")
    with zipfile.ZipFile(io.BytesIO(content)) as folder:
        assert [len(rows_of(folder.read(own))) for own in folder.namelist()] == [2, 1]


@pytest.mark.usefixtures("typeset")
def test_the_longest_address_fits_on_a_label() -> None:
    longest = rules.LONGEST
    label = {
        "number": "1234567890",
        "postal": "894-1508",
        "street": "鹿児島県" + "あ" * 2 * longest,
        "building": "う" * longest,
        "name": "え" * longest,
        "item": labels._shortened("か" * 300),
        "phone": "090-1234-5678",
        "cold": True,
    }
    data = {"title": "Labels", "chilled": "冷蔵", "labels": [label] * 13, "strict": True}
    template, at = labels.TEMPLATES.joinpath("labels.typ"), make.at_noon(date(2026, 1, 5))
    assert typesetting.pdf(template, data, at=at).startswith(b"%PDF")
    # The control: what is far too long does not fit, and is found.
    label["building"] *= 10
    with pytest.raises(typst.TypstError, match="too full"):
        typesetting.pdf(template, data, at=at)
