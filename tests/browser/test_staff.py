"""Staff: no console without a second factor, and a console that works under the page policy."""

from collections.abc import Callable
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import TOTP

from microfund.kernel.accounts.models import User
from microfund.site import demo_logins
from tests import make
from tests.browser.conftest import Shop
from tests.browser.otp import hotp, totp
from tests.browser.visitor import Visitor
from tests.businesses import hostile_files as files

pytestmark = pytest.mark.django_db(transaction=True)


def test_codes_are_those_of_the_standard() -> None:
    """RFC 4226, appendix D."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert [hotp(secret, counter) for counter in range(3)] == ["755224", "287082", "359152"]


def demo_admin() -> tuple[User, str]:
    """The demo's login for everything, with its documented secret, as `seed_demo` makes it."""
    _role, email, password, secret = next(row for row in demo_logins.LOGINS if row[0] == "staff: everything")
    user = make.make_user(email=email, password=password, is_staff=True, is_superuser=True)
    TOTP.activate(user, secret)
    return user, secret


def test_staff_sign_in_with_the_second_factor_and_every_page_of_the_console_keeps_quiet(
    shop: Shop, visit: Callable[..., Visitor]
) -> None:
    user, secret = demo_admin()
    order = make.make_order()
    visitor = visit()
    page = visitor.page
    visitor.open("admin:index")
    visitor.sign_in(user.email, demo_logins.PASSWORD)
    visitor.arrive("mfa_authenticate")
    wrong = "000000" if totp(secret) != "000000" else "000001"
    page.fill("[name=code]", wrong)
    page.locator("main form button[type=submit]").first.click()
    page.get_by_text("Incorrect code.").first.wait_for()
    assert page.title().startswith("Error:")
    page.fill("[name=code]", totp(secret))
    page.locator("main form button[type=submit]").first.click()
    visitor.arrive("admin:index")

    lists = _links(visitor, "#content a[href^='/staff/']")
    seen = set()
    for address in lists:
        answer = page.goto(shop.url + address)
        assert answer.status == 200, f"{address}: {answer.status}"
        seen.add(address)
        rows = _links(visitor, "#result_list th a[href^='/staff/']")
        for row in rows[:1]:
            answer = page.goto(shop.url + row)
            assert answer.status == 200, f"{row}: {answer.status}"
            seen.add(row)
    assert any(f"/order/{order.pk}/" in address for address in seen), f"no page of an order among {sorted(seen)}"


def _links(visitor: Visitor, css: str) -> list[str]:
    found = visitor.page.locator(css).evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
    # A queue is its list with a filter, an app's page a part of the index.
    return [address for address in dict.fromkeys(link.split("?")[0] for link in found) if address.count("/") > 3]


def test_staff_without_a_second_factor_are_sent_to_set_one_up_and_then_get_in(
    shop: Shop, visit: Callable[..., Visitor]
) -> None:
    user = make.make_user(is_staff=True, is_superuser=True)
    visitor = visit()
    page = visitor.page
    visitor.open("admin:index")
    visitor.sign_in(user.email)
    visitor.arrive("mfa_index")
    assert "The staff console needs a second factor. Set one up first." in visitor.main
    page.locator(f"a[href='{visitor.path('mfa_activate_totp')}']").click()
    visitor.confirm_password()
    secret = page.locator("#authenticator_secret").input_value()
    page.fill("[name=code]", totp(secret))
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/2fa/**")
    assert visitor.open("admin:index").status == 200
    visitor.arrive("admin:index")


def test_an_investor_is_told_that_the_console_is_for_staff(shop: Shop, visit: Callable[..., Visitor]) -> None:
    visitor = visit(user=make.make_user())
    visitor.open("admin:index")
    visitor.arrive("home")
    assert "The staff console is for staff." in visitor.main


def hostile(folder: Path) -> list[Path]:
    """Files that are no pictures for us."""
    large = folder / "large.jpg"
    with large.open("wb") as file:
        file.write(files.jpeg())
        file.truncate(200 * 1024 * 1024)
    contents = {
        "drawing.svg": files.SVG,
        "contract.jpg": files.PDF,
        "page.png": files.HTML,
        "bomb.png": files.png_claiming(30_000, 30_000),
        "archive.webp": files.zipped(),
        "moving.webp": files.moving("WEBP"),
        "half.jpg": files.jpeg()[:2000],
        "empty.jpg": b"",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [large, *(folder / name for name in contents)]


def test_a_picture_that_is_none_is_refused_beside_its_field_and_a_good_one_is_shown(
    shop: Shop, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    user, _secret = demo_admin()
    business = make.make_business()
    visitor = visit(user=user)
    page = visitor.page
    visitor.open("admin:businesses_business_change", business.pk)
    row = page.locator("tr.form-row:not(.empty-form)").filter(has=page.locator("input[type=file]")).first
    said = {}
    for path in hostile(tmp_path):
        row.locator("input[type=file]").set_input_files(path)
        row.locator("input[name$=alt_en]").fill("The rafts at sunrise")
        row.locator("input[name$=alt_ja]").fill("日の出の筏")
        page.get_by_role("button", name="Save", exact=True).click()
        beside = row.locator("td.field-file .errorlist")
        beside.wait_for()
        said[path.name] = beside.inner_text()
        assert row.locator("input[name$=alt_en]").input_value() == "The rafts at sunrise", "nothing else is lost"
    assert all(len(text) > 10 for text in said.values()), said
    assert not business.pictures.exists()

    good = tmp_path / "good.jpg"
    good.write_bytes(files.jpeg(800, 500, exif=files.camera_notes()))
    row.locator("input[type=file]").set_input_files(good)
    page.get_by_role("button", name="Save and continue editing").click()
    page.locator("td.field-preview img").first.wait_for()
    assert page.locator("td.field-preview img").first.evaluate("(image) => image.decode().then(() => true)")
    assert business.pictures.get().alt_en == "The rafts at sunrise"
