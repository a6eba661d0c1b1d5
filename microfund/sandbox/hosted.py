"""The provider's hosted pages: pay a session, the konbini slip, and the way back to the shop."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from urllib.parse import urlsplit

from . import payments
from .api_lists import fetch
from .clock import business_date, end_of_business_day
from .engine import Sandbox
from .errors import ApiError
from .http_types import Request, Response
from .pages import field, language, moment, page, text, yen
from .store import Document

LOOPBACK = ("127.0.0.1", "localhost", "::1")
CARD_CHOICES = (("card", "card_ok"), ("decline", "card_decline"), ("hold", "card_hold"))


def handle(box: Sandbox, request: Request) -> Response:
    """``/pay/{session}`` and ``/konbini/{intent}``, GET and POST."""
    _, place, object_id, *rest = request.path.split("/")
    if rest or request.method not in ("GET", "POST"):
        return not_found(request)
    try:
        with box.work():
            if place == "pay":
                sess = fetch(box, "checkout.session", object_id)
                return _pay(box, request, sess) if request.method == "POST" else _pay_page(box, request, sess)
            return _konbini(box, request, fetch(box, "payment_intent", object_id))
    except ApiError as error:
        if error.status != 404:
            raise
        return not_found(request)


def not_found(request: Request) -> Response:
    """404 as a page."""
    lang = language(request)
    body = f'<p class="lead">{text(lang, "not_found")}</p>'
    return Response.html(page(lang, house="provider", title=text(lang, "not_found_title"), body=body), 404)


def _pay(box: Sandbox, request: Request, sess: Document) -> Response:
    if sess["status"] != "open":  # sent twice, or too late
        return _pay_page(box, request, sess)
    lang = language(request, sess["locale"])
    form = request.form
    how = form.get("how", "")
    method = "konbini" if how == "konbini" else "card"
    if how not in payments.HOW or method not in sess["payment_method_types"]:
        return _pay_page(box, request, sess)
    email, name = form.get("email", "").strip(), form.get("name", "").strip()
    errors = {}
    if not sess["customer_email"] and ("@" not in email or " " in email):
        errors["email"] = text(lang, "email_error")
    if method == "konbini" and not name:
        errors["name"] = text(lang, "name_error")
    if errors:
        return _pay_page(box, request, sess, errors, method)
    intent = payments.pay(box, sess, how, email=email, name=name)
    if how == "decline":
        return _pay_page(box, request, sess, {"": text(lang, "declined")}, method, status=402)
    if how == "konbini":
        return Response.redirect(f"/konbini/{intent['id']}?lang={lang}")
    return _back_to_shop(box, request, sess)


def _pay_page(
    box: Sandbox,
    request: Request,
    sess: Document,
    errors: dict[str, str] | None = None,
    tried: str = "",
    status: int | None = None,
) -> Response:
    lang = language(request, sess["locale"])
    if sess["status"] == "complete":
        intent = fetch(box, "payment_intent", sess["payment_intent"])
        if intent["status"] == "requires_action":
            return Response.redirect(f"/konbini/{intent['id']}?lang={lang}")
        return _back_to_shop(box, request, sess)
    if sess["status"] == "expired":
        body = f'<p class="lead">{text(lang, "expired")}</p>{_cancel_link(lang, sess)}'
        return Response.html(page(lang, house="provider", title=text(lang, "expired_title"), body=body), 410)
    errors = errors or {}
    amount = yen(sess["amount_total"], lang, sess["currency"])
    parts = [_summary(lang, sess)]
    if errors:
        items = "".join(f"<li>{error}</li>" for error in errors.values())
        parts.append(f'<section class="problem" role="alert"><h2>{text(lang, "errors")}</h2><ul>{items}</ul></section>')
    if sess["custom_text"]["submit"]:
        parts.append(f"<p>{escape(sess['custom_text']['submit']['message'])}</p>")
    parts.append(f"<h2>{text(lang, 'how')}</h2>")
    for method in sess["payment_method_types"]:
        shown = errors if method == tried else {}
        make = _card_form if method == "card" else _konbini_form
        parts.append(make(box, request, sess, lang, amount, shown))
    parts.append(f'<p class="hint">{text(lang, "open_until", time=moment(sess["expires_at"], lang))}</p>')
    parts.append(_cancel_link(lang, sess))
    other = "en" if lang == "ja" else "ja"
    html = page(lang, house="provider", title=text(lang, "pay_title"), body="\n".join(parts), switch=f"?lang={other}")
    return Response.html(html, status or (422 if errors else 200))


def _summary(lang: str, sess: Document) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(line['description'])}"
        + (f"<small>{escape(line['_detail'])}</small>" if line["_detail"] else "")
        + f"</th><td>× {line['quantity']}</td><td>{yen(line['amount_total'], lang, sess['currency'])}</td></tr>"
        for line in sess["_line_items"]
    )
    total = yen(sess["amount_total"], lang, sess["currency"])
    return (
        f'<p class="amount"><span class="visually-hidden">{text(lang, "total")}: </span>{total}</p>'
        f'<table class="lines"><thead class="visually-hidden"><tr><th></th><th>{text(lang, "quantity")}</th>'
        f"<th>{text(lang, 'amount')}</th></tr></thead><tbody>{rows}</tbody>"
        f"<tfoot><tr><th scope='row' colspan='2'>{text(lang, 'total')}</th><td>{total}</td></tr></tfoot></table>"
    )


def _card_form(box: Sandbox, request: Request, sess: Document, lang: str, amount: str, errors: dict[str, str]) -> str:
    chosen = request.form.get("how", "card") if request.method == "POST" else "card"
    choices = "".join(
        f'<label class="choice"><input type="radio" name="how" value="{value}"{" checked" if value == chosen else ""}>'
        f"<span>{text(lang, key)}<small>{text(lang, key + '_hint')}</small></span></label>"
        for value, key in CARD_CHOICES
    )
    return (
        f'<section class="method" aria-labelledby="card-title"><h3 id="card-title">{text(lang, "card")}</h3>'
        f'<form method="post" action="/pay/{sess["id"]}?lang={lang}" novalidate>'
        f"{_email_field(request, sess, lang, errors, 'card-')}"
        f"<fieldset><legend>{text(lang, 'card_hint')}</legend>{choices}</fieldset>"
        f'<button type="submit">{text(lang, "pay_card", amount=amount)}</button></form></section>'
    )


def _konbini_form(
    box: Sandbox, request: Request, sess: Document, lang: str, amount: str, errors: dict[str, str]
) -> str:
    days = (sess["payment_method_options"].get("konbini") or {}).get("expires_after_days")
    last_day = business_date(box.clock.now()) + timedelta(days=days or payments.DEFAULT_KONBINI_DAYS)
    deadline = moment(end_of_business_day(last_day), lang)
    name = field(
        lang,
        "name",
        text(lang, "name"),
        value=request.form.get("name", "") if request.method == "POST" else "",
        error=errors.get("name", ""),
        extra='autocomplete="name" required maxlength="100"',
        prefix="konbini-",
    )
    return (
        f'<section class="method" aria-labelledby="konbini-title"><h3 id="konbini-title">{text(lang, "konbini")}</h3>'
        f"<p>{text(lang, 'konbini_hint', deadline=deadline)}</p>"
        f'<form method="post" action="/pay/{sess["id"]}?lang={lang}" novalidate>'
        '<input type="hidden" name="how" value="konbini">'
        f"{name}{_email_field(request, sess, lang, errors, 'konbini-')}"
        f'<button type="submit" class="second">{text(lang, "pay_konbini", amount=amount)}</button></form></section>'
    )


def _email_field(request: Request, sess: Document, lang: str, errors: dict[str, str], prefix: str) -> str:
    if sess["customer_email"]:
        return f'<p class="hint">{text(lang, "contact")}: {escape(sess["customer_email"])}</p>'
    return field(
        lang,
        "email",
        text(lang, "contact"),
        value=request.form.get("email", "") if request.method == "POST" else "",
        kind="email",
        error=errors.get("email", ""),
        extra='autocomplete="email" required maxlength="254"',
        prefix=prefix,
    )


def _cancel_link(lang: str, sess: Document) -> str:
    if not sess["cancel_url"]:
        return ""
    return f'<p><a class="back" href="{escape(sess["cancel_url"])}">{text(lang, "back")}</a></p>'


def _back_to_shop(box: Sandbox, request: Request, sess: Document) -> Response:
    target = success_url(sess)
    host = urlsplit(target).hostname or ""
    if box.settings.return_anywhere or host in LOOPBACK:
        return Response.redirect(target)
    lang = language(request, sess["locale"])
    link = text(lang, "go_on", host=urlsplit(target).netloc)
    body = f'<p class="lead">{text(lang, "done")}</p><p><a class="button" href="{escape(target)}">{link}</a></p>'
    return Response.html(page(lang, house="provider", title=text(lang, "done_title"), body=body))


def success_url(sess: Document) -> str:
    """Where the visitor goes when done; the session's id stands where the shop asked for it."""
    return sess["success_url"].replace("{CHECKOUT_SESSION_ID}", sess["id"])


def _konbini(box: Sandbox, request: Request, intent: Document) -> Response:
    sess = fetch(box, "checkout.session", intent["_session"])
    lang = language(request, sess["locale"])
    if "konbini" not in sess["payment_method_types"]:
        return not_found(request)
    if request.method == "POST":
        if intent["status"] == "requires_action":
            store = request.form.get("store", "")
            payments.konbini_pay(box, intent, store if store in payments.CHAINS else None)
        return Response.redirect(f"/konbini/{intent['id']}?lang={lang}")
    amount = yen(intent["amount"], lang, intent["currency"])
    back = f'<p><a class="back" href="{escape(success_url(sess))}">{text(lang, "slip_return")}</a></p>'
    if intent["status"] == "succeeded":
        body = f'<p class="lead good" role="status">{text(lang, "slip_paid")}</p>{back}'
    elif intent["status"] != "requires_action":
        body = f'<p class="lead">{text(lang, "slip_over")}</p>{back}'
    else:
        body = _slip(lang, intent, amount) + back
    other = "en" if lang == "ja" else "ja"
    return Response.html(
        page(lang, house="provider", title=text(lang, "slip_title"), body=body, switch=f"?lang={other}")
    )


def _slip(lang: str, intent: Document, amount: str) -> str:
    details = intent["next_action"]["konbini_display_details"]
    rows = "".join(
        f"<tr><th scope='row'>{text(lang, chain)}</th><td>{codes['payment_code']}</td>"
        f"<td>{codes['confirmation_number']}</td></tr>"
        for chain, codes in details["stores"].items()
    )
    options = "".join(f'<option value="{chain}">{text(lang, chain)}</option>' for chain in details["stores"])
    name = escape(intent["_payer"]["name"] or "")
    return (
        f'<p class="lead">{text(lang, "slip_intro", amount=amount)}</p>'
        f"<dl><dt>{text(lang, 'slip_amount')}</dt><dd>{amount}</dd>"
        f"<dt>{text(lang, 'slip_by')}</dt><dd>{moment(details['expires_at'], lang)}</dd>"
        f"<dt>{text(lang, 'slip_name')}</dt><dd>{name}</dd></dl>"
        f'<table class="codes"><thead><tr><th scope="col">{text(lang, "store")}</th>'
        f'<th scope="col">{text(lang, "payment_code")}</th>'
        f'<th scope="col">{text(lang, "confirmation_number")}</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
        f'<form method="post" action="/konbini/{intent["id"]}?lang={lang}"><div class="field">'
        f'<label for="store">{text(lang, "store")}</label><select id="store" name="store">{options}</select></div>'
        f'<button type="submit">{text(lang, "slip_pay")}</button></form>'
    )
