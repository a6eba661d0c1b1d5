"""The default of `make demo` and of a fresh clone: embedded PostgreSQL, filesystem broker, payment sandbox."""

import os
from pathlib import Path

import environ

from microfund.kernel.embedded import ADDRESSES

# Where the demo over this data runs, or ran last: a command in another shell finds its sandbox. What the environment
# says goes first.
_data = Path(os.environ.get("TOMOBUNE_DATA") or Path(__file__).resolve().parents[2] / ".data")
if (_data / ADDRESSES).exists():
    environ.Env.read_env(_data / ADDRESSES)

from .base import *  # noqa: E402

DEMO_MODE = True
TIME_TRAVEL = True
CLOCK_FILE = DATA_DIR / "clock"
DEBUG = env.bool("DEBUG", default=False)
OPERATOR = {
    **OPERATOR,
    "representative_en": "Minato Asahi (invented)",
    "representative_ja": "旭 湊(架空の人物)",
    "address_en": "1-1 Honcho, Homachi (an invented place)",
    "address_ja": "帆待市本町1-1(架空の住所)",
    "phone": "0000-00-0000",
    "registration_en": "none: this is a demonstration",
    "registration_ja": "なし(デモンストレーションです)",
}
# Mail is readable in the staff console (Notices) and as files here.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = DATA_DIR / "mail"
# The demo is plain HTTP on the loopback address.
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
# A passkey needs a secure context and a name: browsers count http://localhost as one, so visitors are led there.
MIDDLEWARE = ["microfund.site.demo_host.one_host", *MIDDLEWARE]
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
