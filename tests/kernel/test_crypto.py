"""Encryption at rest: what the database holds, what cannot be asked of it, and keys that change under traffic."""

import threading
import time
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from investments.investors.models import Investor
from microfund.kernel import crypto
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.models import AppendOnly
from microfund.site import field_keys
from microfund.site.management.commands import rotate_field_keys
from tests import make

OLD, NEW = "old-key-" + "o" * 32, "new-key-" + "n" * 32


@pytest.fixture
def keys(settings: Any) -> Iterator[Any]:
    """Sets the field keys: `keys(NEW, OLD)`."""

    def put(*wanted: str) -> None:
        settings.FIELD_ENCRYPTION_KEYS = list(wanted)

    put(OLD)
    yield put


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_field_keys", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def stored(investor: Investor, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM investments_investor WHERE id = %s", [investor.pk])
        return cursor.fetchone()[0]


# --- Tokens -----------------------------------------------------------------------------------------------------


def test_a_text_comes_back_and_no_two_tokens_of_it_are_equal(keys):
    first, second = crypto.encrypt("一番町1-2-3"), crypto.encrypt("一番町1-2-3")
    assert first != second
    assert crypto.decrypt(first) == crypto.decrypt(second) == "一番町1-2-3"


def test_a_token_of_an_unknown_key_or_a_changed_one_is_unreadable(keys):
    token = crypto.encrypt("022-000-0000")
    keys(NEW)
    for broken in (token, "plain text", token[:-2], ""):
        with pytest.raises(crypto.UnreadableField):
            crypto.decrypt(broken)
        with pytest.raises(crypto.UnreadableField):
            crypto.rotate(broken)


def test_the_first_key_encrypts_and_every_key_decrypts(keys):
    token = crypto.encrypt("secret")
    keys(NEW, OLD)
    assert crypto.decrypt(token) == "secret"
    assert not crypto.is_current(token)
    renewed = crypto.rotate(token)
    assert crypto.is_current(renewed)
    keys(NEW)
    assert crypto.decrypt(renewed) == "secret"
    keys(OLD)
    with pytest.raises(crypto.UnreadableField):
        crypto.decrypt(renewed)


@pytest.mark.parametrize(
    ("text", "keep", "shown"),
    [("1234567", 3, "••••567"), ("123", 3, "•••"), ("12", 3, "••"), ("", 3, ""), ("0220000000", 4, "••••••0000")],
)
def test_a_mask_shows_the_end_of_what_is_long_enough_and_nothing_of_the_rest(text, keep, shown):
    assert crypto.mask(text, keep) == shown


# --- Fields -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_database_holds_tokens_and_an_empty_text_stays_empty():
    investor = make.make_investor(phone="022-111-2222", birth_date="")
    assert "022" not in stored(investor, "phone")
    assert crypto.decrypt(stored(investor, "phone")) == "022-111-2222"
    assert stored(investor, "birth_date") == ""
    investor.refresh_from_db()
    assert (investor.phone, investor.birth_date) == ("022-111-2222", "")


@pytest.mark.django_db
def test_a_json_field_keeps_its_value_as_one_token():
    address = {"postal_code": "980-0811", "prefecture": "宮城県", "city": "仙台市", "street": "一番町", "building": ""}
    investor = make.make_investor(address=address)
    token = stored(investor, "address")
    assert "980" not in token
    assert crypto.decrypt(token).startswith('{"building": "", "city": "仙台市"')
    investor.refresh_from_db()
    assert investor.address == address
    investor.address = {}
    investor.save()
    assert stored(investor, "address") == ""
    investor.refresh_from_db()
    assert investor.address == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "question",
    [
        {"phone": "022-111-2222"},
        {"phone__exact": "022-111-2222"},
        {"phone__iexact": "022-111-2222"},
        {"phone__contains": "022"},
        {"phone__startswith": "022"},
        {"phone__in": ["022-111-2222"]},
        {"phone__gt": "0"},
        {"phone__regex": "^022"},
        {"birth_date__lt": "2000-01-01"},
        {"address": {"city": "仙台市"}},
    ],
)
def test_a_search_that_could_never_find_anything_is_refused(question):
    make.make_investor(phone="022-111-2222")
    with pytest.raises(TypeError, match="encrypted field"):
        list(Investor.objects.filter(**question))


@pytest.mark.django_db
def test_whether_a_field_is_filled_in_can_be_asked():
    full, empty = make.make_investor(phone="022-111-2222"), make.make_investor(phone="")
    assert list(Investor.objects.filter(phone="")) == [empty]
    assert list(Investor.objects.exclude(phone="")) == [full]
    assert not Investor.objects.filter(phone__isnull=True).exists()


def test_no_row_that_is_never_changed_holds_a_token():
    """Rotation would be refused by the database."""
    found = list(field_keys.columns())
    assert len(found) >= 4
    assert [str(column) for column in found if issubclass(column.model, AppendOnly)] == []


# --- Rotation ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_rotation_puts_every_value_under_the_first_key(keys):
    investors = [make.make_investor(phone=f"022-{number:03}-0000") for number in range(7)]
    keys(NEW, OLD)
    fresh = make.make_investor(phone="03-0000-0000")
    output = rotate("--batch", "3")
    assert "investments_investor.phone" in output
    assert "8 values, 7 renewed, 0 to do" in output
    assert "Everything is under the first key" in output
    keys(NEW)
    for investor in [*investors, fresh]:
        before = (investor.phone, investor.birth_date, investor.address)
        investor.refresh_from_db()
        assert (investor.phone, investor.birth_date, investor.address) == before
    row = AuditRow.objects.get(action="field_keys.rotated")
    assert row.changes["investments_investor.phone"] == 7


@pytest.mark.django_db
def test_a_second_rotation_changes_nothing_and_writes_nothing(keys):
    investor = make.make_investor()
    keys(NEW, OLD)
    rotate()
    token = stored(investor, "phone")
    assert "0 renewed, 0 to do" in rotate()
    assert stored(investor, "phone") == token
    assert AuditRow.objects.filter(action="field_keys.rotated").count() == 1


@pytest.mark.django_db
def test_a_rotation_that_was_stopped_goes_on_where_it_was(keys, monkeypatch):
    for _number in range(6):
        make.make_investor()
    keys(NEW, OLD)
    written, write = [], field_keys._write

    def stop_after_two(column: Any, changes: Any) -> int:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(write(column, changes))
        return written[-1]

    monkeypatch.setattr(field_keys, "_write", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        rotate("--batch", "2")
    monkeypatch.setattr(field_keys, "_write", write)
    assert written == [2, 2]
    with pytest.raises(CommandError, match="values still need an older key"):
        rotate("--check")
    assert "6 values, 2 renewed, 0 to do" in rotate("--batch", "2")
    keys(NEW)
    assert "0 to do" in rotate("--check")


@pytest.mark.django_db
def test_the_check_changes_nothing(keys):
    investor = make.make_investor()
    token = stored(investor, "phone")
    keys(NEW, OLD)
    with pytest.raises(CommandError, match="still need an older key"):
        rotate("--check")
    assert stored(investor, "phone") == token


@pytest.mark.django_db
def test_a_value_under_a_lost_key_is_named_and_left_and_the_others_are_renewed(keys):
    lost = make.make_investor(birth_date="")
    token = stored(lost, "phone")
    keys(NEW)
    other = make.make_investor()
    keys("third-key-" + "t" * 30, NEW)
    out = StringIO()
    with pytest.raises(CommandError, match="2 values open under none of the keys"):
        call_command("rotate_field_keys", stdout=out, stderr=out)
    assert f"investments_investor.phone: row {lost.pk} opens under none of the keys" in out.getvalue()
    assert f"investments_investor.address: row {lost.pk} opens under none of the keys" in out.getvalue()
    assert stored(lost, "phone") == token
    assert crypto.is_current(stored(other, "phone"))


@pytest.mark.django_db
def test_a_value_that_was_changed_meanwhile_is_not_overwritten(keys):
    investor = make.make_investor(phone="022-000-0000")
    column = next(found for found in field_keys.columns() if found.name == "phone")
    stale = stored(investor, "phone")
    investor.phone = "03-9999-9999"
    investor.save()
    assert field_keys._write(column, [(investor.pk, stale, crypto.rotate(stale))]) == 0
    assert field_keys._write(column, [(investor.pk, stored(investor, "phone"), crypto.encrypt("kept"))]) == 1
    investor.refresh_from_db()
    assert investor.phone == "kept"


@pytest.mark.django_db
def test_second_factors_work_after_the_old_key_is_gone(keys):
    user, secret = make.make_user(), generate_totp_secret()
    TOTP.activate(user, secret)
    codes = RecoveryCodes.activate(user)
    used, kept = codes.get_unused_codes()[:2]
    assert codes.validate_code(used)
    keys(NEW, OLD)
    assert "mfa_authenticator.data" in rotate()
    keys(NEW)
    factors = {factor.type: factor.wrap() for factor in Authenticator.objects.filter(user=user)}
    assert not factors["recovery_codes"].validate_code(used)
    assert factors["recovery_codes"].validate_code(kept)
    with time_machine.travel(time.time(), tick=False):
        now = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
        assert factors["totp"].validate_code(now)


@pytest.mark.django_db
def test_migrated_recovery_codes_and_passkeys_are_kept(keys):
    user = make.make_user()
    codes = {"migrated_codes": [crypto.encrypt("abc"), crypto.encrypt("def")]}
    Authenticator.objects.create(user=user, type="recovery_codes", data=codes)
    passkey = {"name": "Phone", "credential": {"id": "x", "response": {"n": 1}}}
    Authenticator.objects.create(user=user, type="webauthn", data=passkey)
    keys(NEW, OLD)
    rotate()
    keys(NEW)
    data = Authenticator.objects.get(user=user, type="recovery_codes").data
    assert [crypto.decrypt(code) for code in data["migrated_codes"]] == ["abc", "def"]
    assert Authenticator.objects.get(user=user, type="webauthn").data == passkey


# --- Beside traffic ---------------------------------------------------------------------------------------------


def _in_thread(act: Any) -> threading.Thread:
    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_is_left_and_nobody_waits(keys, monkeypatch):
    held, free = make.make_investor(), make.make_investor()
    keys(NEW, OLD)
    monkeypatch.setattr(rotate_field_keys, "PASSES", 2)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Investor.objects.select_for_update().get(pk=held.pk)
            locked.set()
            done.wait(300)

    thread = _in_thread(hold)
    assert locked.wait(120)
    try:
        began = time.monotonic()
        with pytest.raises(CommandError, match="3 values were in use the whole time"):
            rotate()
        assert time.monotonic() - began < 120
        assert crypto.is_current(stored(free, "phone"))
        assert not crypto.is_current(stored(held, "phone"))
    finally:
        done.set()
        thread.join()
    assert "1 renewed, 0 to do" in rotate()
    assert crypto.is_current(stored(held, "phone"))


@pytest.mark.django_db(transaction=True)
def test_keys_change_beside_writers_and_readers_and_nothing_is_lost(keys):
    investors = [make.make_investor(phone="0") for _number in range(20)]
    keys(NEW, OLD)
    stop, failures, last = threading.Event(), [], {}
    done = [0, 0, 0]

    def write(place: int, part: list[Investor]) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            for investor in part:
                row = Investor.objects.get(pk=investor.pk)
                row.phone = str(number)
                row.save(update_fields=["phone"])
                last[row.pk] = row.phone
                done[place] += 1

    def read() -> None:
        while not stop.is_set():
            try:
                list(Investor.objects.all())
            except crypto.UnreadableField as error:
                failures.append(error)
            done[2] += 1

    def wait_for_all(rounds: int) -> None:
        """Until each of the three has done so much more: what two rounds later is under way was begun after now."""
        aim, deadline = [number + rounds for number in done], time.monotonic() + 120
        while any(number < wanted for number, wanted in zip(done, aim, strict=True)):
            assert time.monotonic() < deadline, f"done {done}, to be done {aim}"
            time.sleep(0.01)

    threads = [
        _in_thread(lambda: write(0, investors[:10])),
        _in_thread(lambda: write(1, investors[10:])),
        _in_thread(read),
    ]
    try:
        for key in range(3):
            keys(f"key-{key}-" + "k" * 32, *([NEW, OLD] if key == 0 else [f"key-{key - 1}-" + "k" * 32]))
            # An old key is dropped when nobody writes with it any more, and nobody holds what was read before.
            wait_for_all(2)
            assert "Everything is under the first key" in rotate("--batch", "4")
            wait_for_all(2)
        # Each value is written at least once, however slow the machine.
        wait_for_all(10)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    rotate()
    keys("key-2-" + "k" * 32)
    assert len(last) == 20
    assert {row.pk: row.phone for row in Investor.objects.all()} == last
