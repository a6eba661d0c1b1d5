"""The bank's pages: make a transfer to the trust account, download its statement."""

from __future__ import annotations

from datetime import date
from html import escape

from . import bank
from .engine import Sandbox
from .http_types import Request, Response
from .pages import field, language, page, text, yen

LATEST = 20


def handle(box: Sandbox, request: Request) -> Response:
    """``/bank/``, ``/bank/statement.csv`` and ``/bank/statement.zengin``."""
    if request.path in ("/", "/bank"):
        return Response.redirect("/bank/")
    if request.path == "/bank/" and request.method == "POST":
        return _transfer(box, request)
    if request.path == "/bank/" and request.method == "GET":
        return _page(box, request)
    if request.path in ("/bank/statement.csv", "/bank/statement.zengin") and request.method == "GET":
        return _statement(box, request)
    lang = language(request)
    body = f'<p class="lead">{text(lang, "not_found")}</p>'
    return Response.html(page(lang, house="bank", title=text(lang, "not_found_title"), body=body), 404)


def _statement(box: Sandbox, request: Request) -> Response:
    today = box.clock.today()
    try:
        start = date.fromisoformat(request.arguments.get("from") or "2000-01-01")
        end = date.fromisoformat(request.arguments.get("to") or today.isoformat())
    except ValueError:
        return Response(400, b"from and to are dates, such as 2027-03-01\n", "text/plain; charset=utf-8")
    rows = bank.statement(box, start=start, end=end)
    name = f"statement-{start:%Y%m%d}-{end:%Y%m%d}"
    if request.path.endswith(".csv"):
        body, kind, name = bank.statement_csv(rows), "text/csv; charset=utf-8", f"{name}.csv"
    else:
        body = bank.statement_zengin(rows, start=start, end=end, made_on=today)
        kind, name = "text/plain; charset=shift_jis", f"{name}.txt"
    return Response(200, body, kind, {"Content-Disposition": f'attachment; filename="{name}"'})


def _transfer(box: Sandbox, request: Request) -> Response:
    lang, form = language(request), request.form
    errors: dict[str, str] = {}
    digits = form.get("amount", "").replace(",", "").strip()
    amount = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else 0
    if amount < 1:
        errors["amount"] = text(lang, "amount_error")
    day = box.clock.today()
    try:
        day = date.fromisoformat(form.get("date", "").strip() or day.isoformat())
    except ValueError:
        errors["date"] = text(lang, "date_error")
    for name, length in (("payer_name", bank.NAME_LENGTH), ("payer_code", bank.CODE_LENGTH)):
        try:
            written = bank.written(name, form.get(name, ""), length)
        except bank.BankError:
            errors[name] = text(lang, f"{name}_error")
        else:
            if name == "payer_name" and not written:
                errors[name] = text(lang, "payer_name_error")
    if errors:
        return _page(box, request, errors)
    with box.work():
        row = bank.book(
            box, amount=amount, payer_name=form["payer_name"], payer_code=form.get("payer_code", ""), day=day
        )
    # The row in the address lets the page be loaded again without a second transfer.
    return Response.redirect(f"/bank/?lang={lang}&done={row['row_id']}")


def _page(box: Sandbox, request: Request, errors: dict[str, str] | None = None) -> Response:
    lang, errors = language(request), errors or {}
    rows = bank.statement(box)
    parts = []
    done = next((row for row in rows if row["row_id"] == request.arguments.get("done")), None)
    if done is not None:
        said = text(
            lang, "transferred", amount=yen(done["amount"], lang), name=done["payer_name"], code=done["payer_code"]
        )
        parts.append(f'<p class="lead good" role="status">{said}</p>')
    if errors:
        items = "".join(f'<li><a href="#{name}">{error}</a></li>' for name, error in errors.items())
        parts.append(f'<section class="problem" role="alert"><h2>{text(lang, "errors")}</h2><ul>{items}</ul></section>')
    parts += [_account(lang), _form(box, request, lang, errors), _downloads(box, lang), _latest(lang, rows)]
    other = "en" if lang == "ja" else "ja"
    html = page(
        lang, house="bank", title=text(lang, "bank_title"), body="\n".join(parts), switch=f"/bank/?lang={other}"
    )
    return Response.html(html, 422 if errors else 200)


def _account(lang: str) -> str:
    account = bank.ACCOUNT
    return (
        f'<section aria-labelledby="account"><h2 id="account">{text(lang, "bank_account")}</h2>'
        f"<p>{text(lang, 'bank_intro')}</p><dl><dt>{text(lang, 'bank_of')}</dt>"
        f"<dd>{account['bank_name']} ({account['bank_code']}) {account['branch_name']} ({account['branch_code']})</dd>"
        f"<dt>{text(lang, 'bank_number')}</dt><dd>{account['number']}</dd>"
        f"<dt>{text(lang, 'bank_holder')}</dt><dd>{account['holder']}</dd></dl></section>"
    )


def _form(box: Sandbox, request: Request, lang: str, errors: dict[str, str]) -> str:
    today = box.clock.today().isoformat()
    # A link of the shop may fill the form in: /bank/?payer_code=…&amount=…
    given = request.form if request.method == "POST" else request.arguments

    def one(name: str, hint: str = "", extra: str = "", value: str = "", kind: str = "text") -> str:
        return field(
            lang, name, text(lang, name), value=given.get(name, value), hint=hint, kind=kind, extra=extra,
            error=errors.get(name, ""),
        )  # fmt: skip

    fields = (
        one("payer_name", text(lang, "payer_name_hint"), 'required autocomplete="off"')
        + one("payer_code", text(lang, "payer_code_hint"), 'autocomplete="off"')
        + one("amount", extra='required inputmode="numeric" autocomplete="off"')
        + one("date", text(lang, "date_hint", date=today), value=today, kind="date")
    )
    return (
        f'<section class="method"><form method="post" action="/bank/?lang={lang}" novalidate>{fields}'
        f'<button type="submit">{text(lang, "transfer")}</button></form></section>'
    )


def _downloads(box: Sandbox, lang: str) -> str:
    today = box.clock.today()
    dates = field(
        lang, "from", text(lang, "from"), value=today.replace(day=1).isoformat(), kind="date", prefix="statement-"
    ) + field(lang, "to", text(lang, "to"), value=today.isoformat(), kind="date", prefix="statement-")
    return (
        f'<section aria-labelledby="statement"><h2 id="statement">{text(lang, "statement")}</h2>'
        f"<p>{text(lang, 'statement_hint')}</p>"
        f'<form method="get" action="/bank/statement.csv"><div class="row">{dates}</div>'
        f'<button type="submit" class="second">{text(lang, "csv")}</button> '
        f'<button type="submit" class="second" formaction="/bank/statement.zengin">{text(lang, "zengin")}</button>'
        f"</form></section>"
    )


def _latest(lang: str, rows: list[dict[str, object]]) -> str:
    title = f'<h2 id="latest">{text(lang, "latest")}</h2>'
    if not rows:
        return f'<section aria-labelledby="latest">{title}<p>{text(lang, "none")}</p></section>'
    heads = "".join(
        f'<th scope="col">{text(lang, key)}</th>'
        for key in ("row", "date", "kind", "payer_name", "payer_code", "amount", "balance")
    )
    lines = "".join(
        f"<tr><td>{row['row_id']}</td><td>{row['date']}</td><td>{text(lang, str(row['kind']))}</td>"
        f"<td>{escape(str(row['payer_name']))}</td><td>{escape(str(row['payer_code']))}</td>"
        f"<td class='num'>{row['amount']:,}</td><td class='num'>{row['balance']:,}</td></tr>"
        for row in reversed(rows[-LATEST:])
    )
    return (
        f'<section aria-labelledby="latest">{title}<div class="scroll" tabindex="0" role="region"'
        f' aria-labelledby="latest"><table class="ledger"><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>'
        f"</div></section>"
    )
