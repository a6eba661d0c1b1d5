"""What the provider's and the bank's pages share: frame, texts in both languages, escaping. No scripts anywhere."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path

from .clock import JST
from .http_types import Request

LANGUAGES = ("en", "ja")
#: The icon of the pages: a yen sign in a circle.
MARK = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="8" fill="#5b4b8a"/>'
    b'<path d="M4.5 3.5 8 8l3.5-4.5M8 8v5M5 9h6M5 11h6" fill="none" stroke="#fff" stroke-width="1.4"/></svg>'
)

TEXTS: dict[str, tuple[str, str]] = {
    "sandbox": ("Sandbox: no real money", "サンドボックス:実際のお金は動きません"),
    "sandbox_more": (
        "This page stands in for a payment company or a bank. Nothing here is charged or transferred.",
        "このページは決済会社・銀行の代わりです。請求や振込は実際には行われません。",
    ),
    "provider": ("Sandbox Payments", "サンドボックス決済"),
    "bank": ("Sandbox Bank", "サンドボックス銀行"),
    "pay_title": ("Pay", "お支払い"),
    "total": ("Total", "合計"),
    "quantity": ("Quantity", "数量"),
    "contact": ("Your e-mail address", "メールアドレス"),
    "name": ("Name", "お名前"),
    "email_error": ("Enter an e-mail address, such as name@example.com.",
                    "メールアドレスを入力してください(例:name@example.com)。"),
    "name_error": ("Enter the name for the payment slip.", "払込票のお名前を入力してください。"),
    "how": ("How to pay", "お支払い方法"),
    "card": ("Card", "カード"),
    "card_hint": (
        "No card number is asked for. Choose what the card company answers.",
        "カード番号は不要です。カード会社の応答を選んでください。",
    ),
    "card_ok": ("The card is accepted", "承認される"),
    "card_ok_hint": ("Test card ending 4242", "テストカード 末尾4242"),
    "card_decline": ("The card is declined", "承認されない"),
    "card_decline_hint": ("Test card ending 0002", "テストカード 末尾0002"),
    "card_hold": ("The provider holds the payment", "決済会社で保留になる"),
    "card_hold_hint": (
        "It stays processing until it is released. Test card ending 0077",
        "解除されるまで処理中のままです。テストカード 末尾0077",
    ),
    "pay_card": ("Pay {amount} by card", "カードで{amount}を支払う"),
    "konbini": ("Convenience store", "コンビニ払い"),
    "konbini_hint": (
        "You get a payment slip and pay at a counter by {deadline}.",
        "払込票が発行されます。{deadline}までにレジでお支払いください。",
    ),
    "pay_konbini": ("Get a payment slip for {amount}", "{amount}の払込票を発行する"),
    "back": ("Cancel and go back", "キャンセルして戻る"),
    "declined": ("Your card was declined. Nothing was charged. Try again or pay another way.",
                 "カードが承認されませんでした。請求は発生していません。もう一度お試しいただくか、別の方法をお選びください。"),
    "open_until": ("This page can be used until {time}.", "このページは{time}まで利用できます。"),
    "expired_title": ("This page has expired", "このページの有効期限が切れました"),
    "expired": ("The time to pay is over. Nothing was charged.",
                "お支払いの期限を過ぎました。請求は発生していません。"),
    "done_title": ("Payment received", "お支払いを受け付けました"),
    "done": ("There is nothing more to do here.", "このページでの手続きは完了しています。"),
    "go_on": ("Continue to {host}", "{host}へ進む"),
    "slip_title": ("Payment slip", "払込票"),
    "slip_intro": ("Show this at a counter and pay {amount} in cash.",
                   "この画面をレジで提示し、{amount}をお支払いください。"),
    "slip_by": ("Pay by", "お支払い期限"),
    "slip_amount": ("Amount", "金額"),
    "slip_name": ("Name", "お名前"),
    "store": ("Store", "店舗"),
    "payment_code": ("Payment code", "払込番号"),
    "confirmation_number": ("Confirmation number", "確認番号"),
    "slip_pay": ("Pay at the counter", "レジで支払う"),
    "slip_return": ("Return to the shop", "お店のページに戻る"),
    "slip_paid": ("This slip is paid.", "この払込票はお支払い済みです。"),
    "slip_over": ("This slip can no longer be paid. Nothing was charged.",
                  "この払込票は使用できません。請求は発生していません。"),
    "familymart": ("FamilyMart", "ファミリーマート"),
    "lawson": ("Lawson", "ローソン"),
    "ministop": ("Ministop", "ミニストップ"),
    "seicomart": ("Seicomart", "セイコーマート"),
    "not_found_title": ("Page not found", "ページが見つかりません"),
    "not_found": ("There is nothing at this address.", "このアドレスには何もありません。"),
    "bank_title": ("Make a transfer", "振込"),
    "bank_intro": ("Money goes to this account, at once.", "次の口座へ即時に入金されます。"),
    "bank_account": ("Receiving account", "お振込先"),
    "bank_of": ("Bank and branch", "銀行・支店"),
    "bank_number": ("Account (ordinary)", "口座番号(普通)"),
    "bank_holder": ("Account holder", "口座名義"),
    "payer_name": ("Payer's name, in kana", "振込依頼人名(カナ)"),
    "payer_name_hint": ("Katakana, hiragana or letters, at most 48 characters as the bank writes them.",
                        "カタカナ・ひらがな・英字(半角で48文字まで)。"),
    "payer_code": ("Payer code", "振込依頼人番号"),
    "payer_code_hint": ("The number that your order asks for. Empty if there is none.",
                        "申込画面に表示された番号です。なければ空欄にしてください。"),
    "amount": ("Amount in yen", "金額(円)"),
    "date": ("Business date", "勘定日"),
    "date_hint": ("Today at this bank: {date}.", "この銀行の本日:{date}"),
    "transfer": ("Transfer", "振り込む"),
    "transferred": ("{amount} was transferred. The bank wrote down: {name} {code}",
                    "{amount}を振り込みました。銀行の記録:{name} {code}"),
    "errors": ("There is a problem", "入力内容をご確認ください"),
    "amount_error": ("Enter the amount in whole yen, from 1 to 9,999,999,999.",
                     "金額は1円以上の整数で入力してください。"),
    "payer_name_error": ("Enter the payer's name in kana or letters that a bank can write, at most 48 characters.",
                         "銀行で使える文字(カナ・英数字)で48文字以内で入力してください。"),
    "payer_code_error": ("Use at most 10 letters or digits.", "英数字10文字以内で入力してください。"),
    "date_error": ("Enter the date as year-month-day, such as 2027-03-01.",
                   "日付は2027-03-01のように入力してください。"),
    "statement": ("Statement", "入出金明細"),
    "statement_hint": ("For the account holder's staff.", "口座名義人の担当者向け。"),
    "from": ("From", "開始日"),
    "to": ("To", "終了日"),
    "csv": ("Download CSV", "CSVをダウンロード"),
    "zengin": ("Download Zengin deposit records", "全銀 振込入金通知をダウンロード"),
    "latest": ("Latest entries", "最近の明細"),
    "none": ("No entries yet.", "明細はまだありません。"),
    "row": ("No.", "番号"),
    "credit": ("Credit", "入金"),
    "debit": ("Debit", "出金"),
    "kind": ("Kind", "区分"),
    "balance": ("Balance", "残高"),
    "other_language": ("日本語", "English"),
}  # fmt: skip


def text(lang: str, key: str, **values: str) -> str:
    """A text in a language, escaped for HTML, its placeholders filled with escaped values."""
    template = TEXTS[key][LANGUAGES.index(lang)]
    return escape(template).format(**{name: escape(value) for name, value in values.items()})


def language(request: Request, wanted: str | None = None) -> str:
    """``?lang=``, else ``wanted`` (a session's locale), else what the browser prefers; en or ja."""
    for candidate in (request.arguments.get("lang"), wanted):
        if candidate and candidate[:2] in LANGUAGES:
            return candidate[:2]
    for part in request.headers.get("Accept-Language", "").lower().split(","):
        if part.strip()[:2] in LANGUAGES:
            return part.strip()[:2]
    return "en"


def yen(amount: int, lang: str, currency: str = "jpy") -> str:
    """An amount as people write it."""
    if currency != "jpy":
        return f"{amount:,} {currency.upper()} (minor units)"
    return f"{amount:,}円" if lang == "ja" else f"¥{amount:,}"


def moment(at: int, lang: str) -> str:
    """A minute in Japan."""
    when = datetime.fromtimestamp(at, JST)
    if lang == "ja":
        return f"{when.year}年{when.month}月{when.day}日 {when:%H:%M}"
    return f"{when.day} {when:%B %Y, %H:%M} (Japan time)"


def page(lang: str, *, house: str, title: str, body: str, switch: str | None = None) -> str:
    """A whole page. ``title`` and ``body`` are HTML already; ``switch``: address of the other language."""
    other = LANGUAGES[1 - LANGUAGES.index(lang)]
    link = ""
    if switch is not None:
        label = text(lang, "other_language")
        link = f'<a class="lang" href="{escape(switch)}" lang="{other}" hreflang="{other}">{label}</a>'
    return f"""<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} · {text(lang, house)}</title>
<link rel="icon" type="image/svg+xml" href="/assets/mark.svg">
<link rel="stylesheet" href="/assets/sandbox.css">
</head>
<body>
<aside class="notice" aria-label="{text(lang, "sandbox")}"><strong>{text(lang, "sandbox")}</strong>
<span>{text(lang, "sandbox_more")}</span></aside>
<header class="house"><span>{text(lang, house)}</span>{link}</header>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def field(
    lang: str,
    name: str,
    label: str,
    *,
    value: str = "",
    kind: str = "text",
    hint: str = "",
    error: str = "",
    extra: str = "",
    prefix: str = "",
) -> str:
    """A labelled input. ``label``, ``hint``, ``error`` and ``extra`` are HTML already."""
    ident = f"{prefix}{name}"
    notes, described = "", []
    if hint:
        notes += f'<p class="hint" id="{ident}-hint">{hint}</p>'
        described.append(f"{ident}-hint")
    if error:
        notes += f'<p class="error" id="{ident}-error">{error}</p>'
        described.append(f"{ident}-error")
    about = f' aria-describedby="{" ".join(described)}"' if described else ""
    wrong = ' aria-invalid="true"' if error else ""
    return (
        f'<div class="field"><label for="{ident}">{label}</label>{notes}<input id="{ident}" name="{name}" type="{kind}"'
        f' value="{escape(value)}"{about}{wrong}{" " + extra if extra else ""}></div>'
    )


@cache
def style_sheet() -> bytes:
    """The one style sheet."""
    return (Path(__file__).parent / "sandbox.css").read_bytes()
