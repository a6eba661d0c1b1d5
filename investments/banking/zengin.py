"""The Zengin file of general transfers (総合振込), as banks read it: fixed 120-byte records in single-byte JIS X 0201.

Pure: the same transfers, profile and date give the same bytes. Record layout: domain.md section 8 (the format of the
Japanese Bankers Association). Anything a bank would refuse is an error here that names the payee.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import jaconv
from django.utils.translation import gettext_lazy as _

from microfund.kernel.errors import DomainError

RECORD = 120
#: Most that the amount's ten digits hold (yen).
AMOUNT_MOST = 9_999_999_999
_DASHES = "‐‑‒–—―−ｰ－ー"
# Before the letters become half-width: hiragana, and katakana that have no half-width form.
_WIDE = str.maketrans(
    {
        **{chr(code): chr(code + 0x60) for code in range(ord("ぁ"), ord("ゖ") + 1)},
        **dict.fromkeys(_DASHES, "-"),
        "ヮ": "ワ",
        "ヵ": "カ",
        "ヶ": "ケ",
        "ヰ": "イ",
        "ヱ": "エ",
        # Hiragana of the same.
        "ゎ": "ワ",
        "ゐ": "イ",
        "ゑ": "エ",
        "ゕ": "カ",
        "ゖ": "ケ",
    }
)
# And after it.
_HALF = str.maketrans(
    {**dict(zip("ｧｨｩｪｫｬｭｮｯ", "ｱｲｳｴｵﾔﾕﾖﾂ", strict=True)), **dict.fromkeys(_DASHES, "-"), "・": ".", "･": ".", "　": " "}
)
_ALLOWED = re.compile(r"[0-9A-Zｱ-ﾝﾞﾟ()\-. ]*")
_ACCOUNT = re.compile(r"[0-9]{4}/[0-9]{3}/[0-9]{1,7}/[1249]")
_BYTES = bytes([*range(0x20, 0x5E), *range(0xA1, 0xE0)])
_SAFE_EXTRA = set("ｦ,/¥｢｣")


@dataclass(frozen=True, slots=True)
class BankProfile:
    """What one bank wants: the client's code (10 digits) and name, the account that is debited, the end of a record
    (CRLF or none), the most rows of a file, which letters it takes beyond the usual, and whether ｦ becomes ｵ."""

    client_code: str
    client_name: str
    bank_code: str
    bank_name: str
    branch_code: str
    branch_name: str
    account_kind: str
    account_number: str
    crlf: bool = True
    row_limit: int = 9_999
    extra: str = ""
    o_for_wo: bool = True

    def __post_init__(self) -> None:
        _digits("client_code", self.client_code, 10)
        _digits("bank_code", self.bank_code, 4)
        _digits("branch_code", self.branch_code, 3)
        _digits("account_number", self.account_number, 7)
        if self.account_kind not in ("1", "2", "9"):
            raise DomainError("profile", f"account_kind: {self.account_kind!r} is none of 1, 2, 9")
        if not 1 <= self.row_limit <= 999_999:
            raise DomainError("profile", f"row_limit: {self.row_limit} is not between 1 and 999,999")
        if set(self.extra) - _SAFE_EXTRA:
            raise DomainError("profile", f"extra: only {''.join(sorted(_SAFE_EXTRA))} may be allowed beyond the usual")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, to be frozen with a run."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payment. `attempt` (below 10^20) names it for ever; names in any kana, amounts in yen."""

    attempt: int
    bank_code: str
    bank_name: str
    branch_code: str
    branch_name: str
    account_kind: str
    account_number: str
    payee: str
    amount: int


@dataclass(frozen=True, slots=True)
class CutName:
    """A name that was cut to its field."""

    attempt: int
    name: str
    kept: str


def _digits(field: str, value: str, length: int) -> str:
    if not re.fullmatch(rf"[0-9]{{{length}}}", value):
        raise DomainError("profile", f"{field}: {value!r} is not {length} digits")
    return value


@lru_cache(maxsize=4_096)
def plain(text: str, *, extra: str = "", o_for_wo: bool = True) -> str:
    """A name as a transfer carries it: NFKC, upper case, half-width katakana, ﾞ and ﾟ bytes of their own, small kana
    large, one dash. Raises DomainError("letter") naming the first letter that no bank takes."""
    wide = unicodedata.normalize("NFKC", text).upper().translate(_WIDE)
    half = jaconv.z2h(wide, kana=True, ascii=True, digit=True).translate(_HALF)
    if o_for_wo:
        half = half.replace("ｦ", "ｵ")
    if not _ALLOWED.fullmatch(half):
        for letter in half:
            if not _ALLOWED.fullmatch(letter) and letter not in extra:
                raise DomainError(
                    "letter",
                    _("“%(letter)s” in “%(name)s” cannot stand in a transfer.") % {"letter": letter, "name": text},
                )
    return half


def _cut(text: str, length: int) -> str:
    """At most `length` letters (each one byte); a voicing mark is never separated from its kana."""
    if len(text) <= length:
        return text
    kept = text[:length]
    return kept[:-1] if text[length] in "ﾞﾟ" else kept


def _record(*parts: str) -> bytes:
    line = "".join(parts)
    data = line.encode("shift_jis")
    if len(data) != RECORD or data.translate(None, _BYTES):
        raise DomainError("record", f"a record came out as {len(data)} bytes: {line!r}")
    return data


class _File:
    """One file under way: records come out as they are made, so a long run never stands in memory."""

    def __init__(self, profile: BankProfile, pay_on: date) -> None:
        self.profile, self.pay_on = profile, pay_on
        self.end = b"\r\n" if profile.crlf else b""
        self.count = self.total = 0
        self.warnings: list[CutName] = []

    def _name(self, text: str, length: int, attempt: int = 0) -> str:
        half = plain(text, extra=self.profile.extra, o_for_wo=self.profile.o_for_wo)
        kept = _cut(half, length)
        if kept != half and attempt:
            self.warnings.append(CutName(attempt, half, kept))
        return kept.ljust(length)

    def header(self) -> bytes:
        own = self.profile
        return _record(
            "1",
            "21",
            "0",
            own.client_code,
            self._name(own.client_name, 40),
            f"{self.pay_on:%m%d}",
            own.bank_code,
            self._name(own.bank_name, 15),
            own.branch_code,
            self._name(own.branch_name, 15),
            own.account_kind,
            own.account_number,
            " " * 17,
        )

    def data(self, transfer: Transfer) -> bytes:
        who = transfer.payee
        if not 0 < transfer.amount <= AMOUNT_MOST:
            raise DomainError(
                "amount",
                _("%(payee)s: %(amount)d yen cannot be transferred.") % {"payee": who, "amount": transfer.amount},
            )
        if not _ACCOUNT.fullmatch(
            f"{transfer.bank_code}/{transfer.branch_code}/{transfer.account_number}/{transfer.account_kind}"
        ):
            raise DomainError("account", _("%(payee)s: the account cannot be one of a bank.") % {"payee": who})
        try:
            names = (
                self._name(transfer.bank_name, 15, transfer.attempt),
                self._name(transfer.branch_name, 15, transfer.attempt),
                self._name(transfer.payee, 30, transfer.attempt),
            )
        except DomainError as error:
            raise DomainError("letter", f"{who}: {error}", attempt=transfer.attempt) from error
        if not names[2].strip():
            raise DomainError("letter", _("A payee without a name cannot be paid."), attempt=transfer.attempt)
        self.count += 1
        self.total += transfer.amount
        return _record(
            "2",
            transfer.bank_code,
            names[0],
            transfer.branch_code,
            names[1],
            "0000",
            transfer.account_kind,
            transfer.account_number.rjust(7, "0"),
            names[2],
            f"{transfer.amount:010d}",
            "0",
            f"{transfer.attempt:020d}",
            "7",
            " ",
            " " * 7,
        )

    def closing(self) -> tuple[bytes, bytes]:
        return (
            _record("8", f"{self.count:06d}", f"{self.total:012d}", " " * 101),
            _record("9", " " * 119),
        )


def render(
    transfers: Iterable[Transfer], profile: BankProfile, pay_on: date, *, warnings: list[CutName] | None = None
) -> Iterator[bytes]:
    """One file, record by record. At most `profile.row_limit` transfers; `warnings` takes the names that were cut.

    Raises DomainError: "amount", "account", "letter" (naming the payee), "rows", "record".
    """
    file = _File(profile, pay_on)
    yield file.header() + file.end
    for transfer in transfers:
        if file.count == profile.row_limit:
            raise DomainError(
                "rows", _("A file of this bank holds at most %(most)d payments.") % {"most": profile.row_limit}
            )
        yield file.data(transfer) + file.end
    for record in file.closing():
        yield record + file.end
    if warnings is not None:
        warnings.extend(file.warnings)


def sums(content: bytes) -> tuple[int, int]:
    """The count and the total (yen) that a file's own trailer states."""
    end = 2 if content.endswith(b"\r\n") else 0
    trailer = content[-2 * (RECORD + end) :][:RECORD]
    return int(trailer[1:7]), int(trailer[7:19])


def japan_post(symbol: str, number: str) -> tuple[str, str, str]:
    """The branch, the kind and the number by which other banks pay to an account of Japan Post Bank, known to its
    holder as a symbol (記号, five digits) and a number (番号, up to eight). Raises DomainError("japan_post").

    Symbols that begin with 1 are savings: branch "x8", number without its last digit, which is always 1. Symbols that
    begin with 0 are giro accounts: branch "x9", kind current.
    """
    symbol, number = unicodedata.normalize("NFKC", symbol).strip(), unicodedata.normalize("NFKC", number).strip()
    if re.fullmatch(r"1[0-9]{3}0", symbol) and re.fullmatch(r"[0-9]{2,8}", number) and number.endswith("1"):
        return f"{symbol[1:3]}8", "1", number[:-1].rjust(7, "0")
    if re.fullmatch(r"0[0-9]{4}", symbol) and re.fullmatch(r"[0-9]{1,7}", number):
        return f"{symbol[1:3]}9", "2", number.rjust(7, "0")
    raise DomainError("japan_post", _("This is no symbol and number of Japan Post Bank."))
