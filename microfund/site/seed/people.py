"""Staff, the named investors and the crowd of the demo. All of them are invented."""

from __future__ import annotations

import random
from datetime import date, datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from investments.banking import accounts
from investments.investors import documents, identity
from investments.investors.models import Investor
from investments.investors.services import save_profile
from microfund.kernel.accounts import roles
from microfund.kernel.accounts.models import User
from microfund.site import demo_logins

from . import cards

CROWD = 150

FAMILY = [
    ("佐藤", "サトウ"), ("鈴木", "スズキ"), ("高橋", "タカハシ"), ("田中", "タナカ"), ("渡辺", "ワタナベ"),
    ("伊藤", "イトウ"), ("山本", "ヤマモト"), ("中村", "ナカムラ"), ("小林", "コバヤシ"), ("加藤", "カトウ"),
    ("吉田", "ヨシダ"), ("山田", "ヤマダ"), ("佐々木", "ササキ"), ("山口", "ヤマグチ"), ("松本", "マツモト"),
]  # fmt: skip
GIVEN = [
    ("誠", "マコト"), ("直子", "ナオコ"), ("健一", "ケンイチ"), ("美咲", "ミサキ"), ("翔太", "ショウタ"),
    ("陽子", "ヨウコ"), ("大輔", "ダイスケ"), ("恵", "メグミ"), ("拓也", "タクヤ"), ("由美", "ユミ"),
]  # fmt: skip
PLACES = [
    ("980-0811", "宮城県", "仙台市青葉区", "一番町"),
    ("160-0022", "東京都", "新宿区", "新宿"),
    ("060-0001", "北海道", "札幌市中央区", "北一条西"),
    ("530-0001", "大阪府", "大阪市北区", "梅田"),
    ("810-0001", "福岡県", "福岡市中央区", "天神"),
    ("460-0008", "愛知県", "名古屋市中区", "栄"),
]

# Bank and branch numbers of the banks' list. Some named investors have given no account yet.
ACCOUNT_PLACES = [("0001", "001"), ("0125", "100"), ("0005", "001"), ("9900", "818")]
WITHOUT_ACCOUNT = ("ellen", "waiting", "rejected", "hidden")

# Who was here long before the others.
LONG_AGO = ("kenji", "cardback")

# key, e-mail name, name, kana, language, birth date
NAMED: list[tuple[str, str, str, str, date]] = [
    ("haruka", "伊藤 遥", "イトウ ハルカ", "ja", date(1994, 4, 2)),
    ("kenji", "森田 健司", "モリタ ケンジ", "ja", date(1961, 11, 23)),
    ("ellen", "Ellen Park", "エレン パーク", "en", date(1988, 7, 14)),
    ("giver", "小川 文", "オガワ フミ", "ja", date(1975, 1, 30)),
    ("mei", "林 芽衣", "ハヤシ メイ", "ja", date(1999, 9, 9)),
    ("changed", "野口 亮", "ノグチ リョウ", "ja", date(1983, 3, 3)),
    ("atcap", "内田 昇", "ウチダ ノボル", "ja", date(1957, 6, 18)),
    ("waiting", "藤井 葵", "フジイ アオイ", "ja", date(2001, 12, 1)),
    ("short", "原 太郎", "ハラ タロウ", "ja", date(1970, 8, 8)),
    ("konbini", "石田 結衣", "イシダ ユイ", "ja", date(2003, 2, 28)),
    ("disputed", "大野 隆", "オオノ タカシ", "ja", date(1980, 5, 5)),
    ("forgot", "丸山 千夏", "マルヤマ チナツ", "ja", date(1991, 10, 20)),
    ("over", "村上 晴", "ムラカミ ハル", "ja", date(1966, 2, 11)),
    ("hidden", "三浦 静", "ミウラ シズカ", "ja", date(1972, 12, 25)),
    ("teacher", "浜辺 望", "ハマベ ノゾミ", "ja", date(1985, 6, 30)),
    ("rejected", "古川 岳", "フルカワ ガク", "ja", date(1990, 1, 1)),
    ("latecard", "岡本 渚", "オカモト ナギサ", "ja", date(1996, 7, 7)),
    ("cardback", "藤原 進", "フジワラ ススム", "ja", date(1968, 4, 12)),
]


def make_staff(hashed: str) -> dict[str, User]:
    """The staff logins with their groups and second factors, by the first part of the address."""
    staff: dict[str, User] = {}
    groups = {
        "reviewer": roles.REVIEWER,
        "operations": roles.OPERATIONS,
        "maker": roles.FINANCE_MAKER,
        "checker": roles.FINANCE_CHECKER,
        "support": roles.SUPPORT,
        "auditor": roles.AUDITOR,
    }
    for _role, email, _password, secret in demo_logins.STAFF:
        name = email.split("@")[0]
        user = _user(email, hashed, language="en", is_staff=True, is_superuser=name == "admin")
        if name in groups:
            user.groups.add(Group.objects.get(name=groups[name]))
        TOTP.activate(user, secret)
        staff[name] = user
    return staff


def make_owner(email_name: str, hashed: str) -> User:
    """An owner's login, with its second factor."""
    user = _user(f"{email_name}@owners.tomobune.example", hashed, language="ja")
    TOTP.activate(user, demo_logins.OWNER_SECRET)
    return user


def _user(email: str, hashed: str, **fields: Any) -> User:
    user = User(email=email, **fields)
    user.password = hashed
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def hashed_password() -> str:
    """The demo's password, hashed once for all."""
    return make_password(demo_logins.PASSWORD)


def make_named(hashed: str, *, staff: dict[str, User], at: datetime, early: datetime) -> dict[str, Investor]:
    """The named investors by key, some long before the others; identity is checked but where the story differs."""
    found: dict[str, Investor] = {}
    place = PLACES[0]
    for number, (key, name, kana, language, born) in enumerate(NAMED):
        user = _user(f"{key}@demo.tomobune.example", hashed, language=language)
        # A daughter who lives with her mother: two people with one telephone, for staff to tell apart.
        household = [row[0] for row in NAMED].index("giver") if key == "mei" else number
        data = _person(name, kana, born, place, number) | {"phone": f"022-000-{household:04}"}
        joined = early if key in LONG_AGO else at
        found[key] = _judge(save_profile(user, data, at=joined), key, staff, at=joined)
    company = _user("aoba@demo.tomobune.example", hashed, language="ja")
    data = _person("株式会社青葉歯科", "アオバシカ", date(2001, 4, 1), place, 99) | {
        "kind": "company",
        "birth_date": None,
        "corporate_number": "7000012050002",
        "representative": "青葉 誠",
    }
    found["aoba"] = _judge(save_profile(company, data, at=at), "aoba", staff, at=at)
    for number, (key, investor) in enumerate(found.items()):
        if key not in WITHOUT_ACCOUNT:
            _give_account(investor, number, at=early if key in LONG_AGO else at)
    return found


def _give_account(investor: Investor, number: int, *, at: datetime) -> None:
    """An account at a bank that exists, with a number that nobody has."""
    bank, branch = ACCOUNT_PLACES[number % len(ACCOUNT_PLACES)]
    holder = f"カ）{investor.name_kana}" if investor.kind == Investor.Kind.COMPANY else investor.name_kana
    accounts.change(
        investor,
        bank=bank,
        branch=branch,
        kind="1",
        number=f"99{number:05}",
        holder=holder,
        at=at,
        actor=investor.user,
    )


def _judge(investor: Investor, key: str, staff: dict[str, User], *, at: datetime) -> Investor:
    """Submit the identity check and let the reviewer decide, as the story has it."""
    if investor.identity_state == Investor.Identity.UNVERIFIED:
        investor = identity.submit_identity(investor, at=at)
    if key == "waiting":
        _send_document(investor, at=at)
        return investor
    if key == "rejected":
        return identity.reject_identity(
            investor, actor=staff["reviewer"], at=at, reason="The name is not the card's", cause="name"
        )
    return identity.verify_identity(investor, actor=staff["reviewer"], at=at)


def _send_document(investor: Investor, *, at: datetime) -> None:
    """Both sides of a licence, which wait for the reviewer."""
    front = ["FUJII  AOI", f"BORN  {investor.birth_date}", "SENDAI  ICHIBANCHO", "VALID UNTIL  2030-01-01"]
    files = {"front": cards.specimen("front", front), "back": cards.specimen("back", ["NOTES", "-"])}
    documents.submit(investor, kind="licence", files=files, at=at, actor=investor.user)


def make_crowd(chance: random.Random, *, staff: dict[str, User], at: datetime) -> list[Investor]:
    """The generated supporters; they cannot log in."""
    crowd = []
    for number in range(CROWD):
        family, given = FAMILY[number % len(FAMILY)], GIVEN[number // len(FAMILY) % len(GIVEN)]
        user = _user(f"supporter{number + 1:03}@crowd.tomobune.example", "!", language="ja")
        born = date(1940 + chance.randrange(45), 1 + chance.randrange(12), 1 + chance.randrange(28))
        data = _person(f"{family[0]} {given[0]}", f"{family[1]} {given[1]}", born, PLACES[number % len(PLACES)], number)
        data["phone"] = f"022-001-{number:04}"
        investor = _judge(save_profile(user, data, at=at), "", staff, at=at)
        if number % 29:  # some have not given an account yet
            _give_account(investor, 1_000 + number, at=at)
        crowd.append(investor)
    return crowd


def _person(name: str, kana: str, born: date, place: tuple[str, str, str, str], number: int) -> dict[str, Any]:
    postal_code, prefecture, city, street = place
    return {
        "kind": "person",
        "name": name,
        "name_kana": kana,
        "birth_date": born,
        "corporate_number": "",
        "representative": "",
        "address": {
            "postal_code": postal_code,
            "prefecture": prefecture,
            "city": city,
            "street": f"{street}{number % 9 + 1}-{number % 7 + 1}",
            "building": "",
        },
        "phone": f"022-000-{number:04}",
        "purpose": "support",
        "experience": "none",
        "funds_origin": "salary",
    }
