"""Settings of the test suite: its own cluster without fsync, fast hashes, mail in memory, tasks called in place."""

from .base import *

if not DATABASE_URL:
    DATABASES = {"default": embedded.database_settings(DATA_DIR / "test", durable=False)}
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["CONN_MAX_AGE"] = 0
TIME_TRAVEL = True
MAIL_NOTHING_OLDER_DAYS = 36_500
DEMO_MODE = True
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MEDIA_ROOT = DATA_DIR / "test" / "media"
PRIVATE_ROOT = DATA_DIR / "test" / "private"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
ACCOUNT_RATE_LIMITS = False
# A test changes something and looks again at once; what is kept for visitors has tests of its own.
VISITOR_PAGE_SECONDS = 0
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
LOG_LEVEL = "WARNING"
LOGGING["root"]["level"] = "WARNING"

# --- Proofs by faults (tests/faults): nothing but these lines reads these variables ---------------------
FAULT_POINT = env.str("FAULT_POINT", default="")
if FAULT_POINT:
    INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.apps.FaultsConfig"]
    DATABASES["default"]["NAME"] = env.str("FAULT_DATABASE", default=DATABASES["default"]["NAME"])
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = env.str("FAULT_MAIL", default=str(DATA_DIR / "test" / "mail"))
    CLOCK_FILE = env.str("FAULT_CLOCK", default="") or None
