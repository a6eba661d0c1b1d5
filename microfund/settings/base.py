"""Settings shared by every environment. Only this package reads the environment (see .env.example)."""

from pathlib import Path

import environ
import structlog
from django.utils.translation import gettext_lazy as _

from microfund.kernel import embedded

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DATA_DIR = Path(env.str("TOMOBUNE_DATA", default=str(BASE_DIR / ".data"))).resolve()

SECRET_KEY = env.str("SECRET_KEY", default="insecure-default-secret-key-for-demo-and-tests-only")
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
DEMO_MODE = False
# A business date after today is refused unless this is set (domain.md section 6).
TIME_TRAVEL = False
# Where a demo keeps how far its clock was moved (microfund.kernel.clock); only together with TIME_TRAVEL.
CLOCK_FILE = None

# Encryption at rest (microfund.kernel.crypto): the first key encrypts, all decrypt; rotate by prepending.
FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", default=["insecure-default-field-key"])
# Keyed hashes by which equal encrypted values are found (crypto.fingerprint). It stays the same for good.
FINGERPRINT_KEY = env.str("FINGERPRINT_KEY", default="insecure-default-fingerprint-key")

INSTALLED_APPS = [
    "microfund.site.apps.SiteConfig",
    "microfund.site.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_filters",
    "csp",
    "django_structlog",
    "microfund.kernel.accounts",
    "microfund.kernel.audit",
    "microfund.kernel.outbox",
    "microfund.kernel.schedule",
    "microfund.kernel.notices",
    "businesses",
    "investments",
    "rewards",
]

MIDDLEWARE = [
    "microfund.site.page_cache.PageCache",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
]

ROOT_URLCONF = "microfund.urls"
WSGI_APPLICATION = "microfund.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "microfund.site.context.site",
            ],
            "builtins": ["microfund.site.templatetags.tomobune"],
        },
    },
]

# --- Data -----------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", default="")
if DATABASE_URL:
    DATABASES = {"default": env.db_url("DATABASE_URL")}
    DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
else:
    DATABASES = {"default": embedded.database_settings(DATA_DIR)}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    # Rate limits must hold over all web processes, so the embedded default keeps the cache in the database.
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "django_cache"}}

MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(DATA_DIR / "media")))
MEDIA_URL = "/media/"
# Files that no address leads to, each encrypted under a key of its own (microfund.kernel.private).
PRIVATE_ROOT = Path(env.str("PRIVATE_ROOT", default=str(DATA_DIR / "private")))
# Identity documents are deleted so many days after the check was decided.
IDENTITY_DOCUMENT_DAYS = env.int("IDENTITY_DOCUMENT_DAYS", default=90)
# To which account a payment went is kept for so long after the account of its owner was closed here.
PAYMENT_RECORD_YEARS = env.int("PAYMENT_RECORD_YEARS", default=10)
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "microfund.site.one_sheet.OneSheetFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "microfund.kernel.uploads.BoundedUploadHandler",
]

# --- Jobs -----------------------------------------------------------------------------------------
# A sender gives up at once: without this, every message to a Redis that is away holds its request up for six seconds.
REDIS_BROKER_OPTIONS = {"visibility_timeout": 3600, "max_retries": 0, "socket_connect_timeout": 2}
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS = REDIS_BROKER_OPTIONS
else:
    _broker = embedded.celery_broker_settings(DATA_DIR)
    CELERY_BROKER_URL = _broker["broker_url"]
    CELERY_BROKER_TRANSPORT_OPTIONS = _broker["broker_transport_options"]
CELERY_TASK_ALWAYS_EAGER = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A lost or slow broker must not hold up a purchase: the task is found again by its sweep within a minute.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"

# --- People ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "me"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "microfund.kernel.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"signup": "microfund.kernel.accounts.forms.SignupForm"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = None
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Tomobune"
MFA_ADAPTER = "microfund.kernel.accounts.adapter.MFAAdapter"
USERSESSIONS_TRACK_ACTIVITY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# --- Language and time ------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Tokyo"
BUSINESS_TIME_ZONE = "Asia/Tokyo"

# --- Money from the outside -------------------------------------------------------------------------
# The keys alone choose between the sandbox and the provider: a key that begins with sk_sandbox_ speaks to SANDBOX_URL.
SANDBOX_URL = env.str("SANDBOX_URL", default="http://127.0.0.1:8001").rstrip("/")
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="sk_sandbox_demo")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", default="whsec_insecure_default")
STRIPE_API_VERSION = "2026-10-28.endive"
STRIPE_TIMEOUT_SECONDS = env.int("STRIPE_TIMEOUT_SECONDS", default=20)
# Who stands as payer on our bank statement when the provider pays out (the sandbox's name by default).
PROVIDER_PAYER_NAME = env.str("PROVIDER_PAYER_NAME", default="ｶ)ｻﾝﾄﾞﾎﾞﾂｸｽｹﾂｻｲ")

OPERATOR = {
    "name_en": env.str("OPERATOR_NAME_EN", default="Tomobune Fund House"),
    "name_ja": env.str("OPERATOR_NAME_JA", default="友舟ファンド"),
    "email": env.str("OPERATOR_EMAIL", default="support@tomobune.example"),
    # Empty: the legal pages say that the operator has not stated it.
    "representative_en": env.str("OPERATOR_REPRESENTATIVE_EN", default=""),
    "representative_ja": env.str("OPERATOR_REPRESENTATIVE_JA", default=""),
    "address_en": env.str("OPERATOR_ADDRESS_EN", default=""),
    "address_ja": env.str("OPERATOR_ADDRESS_JA", default=""),
    "phone": env.str("OPERATOR_PHONE", default=""),
    "registration_en": env.str("OPERATOR_REGISTRATION_EN", default=""),
    "registration_ja": env.str("OPERATOR_REGISTRATION_JA", default=""),
    "bank_en": env.str("OPERATOR_BANK_EN", default="Sanriku Bank (0999), Main branch (001)"),
    "bank_ja": env.str("OPERATOR_BANK_JA", default="三陸銀行(0999) 本店(001)"),
    "account_en": env.str("OPERATOR_ACCOUNT_EN", default="Ordinary 1234567"),
    "account_ja": env.str("OPERATOR_ACCOUNT_JA", default="普通 1234567"),
    "holder": env.str("OPERATOR_ACCOUNT_HOLDER", default="トモブネフアンド シンタクグチ"),
}

# --- The bank that pays investors (Zengin general transfers, domain.md section 8) ---------------------
PAYOUT_BANK = {
    "client_code": env.str("PAYOUT_CLIENT_CODE", default="0000012345"),
    "client_name": env.str("PAYOUT_CLIENT_NAME", default="トモブネフアンド"),
    "bank_code": env.str("PAYOUT_BANK_CODE", default="0999"),
    "bank_name": env.str("PAYOUT_BANK_NAME", default="サンリク"),
    "branch_code": env.str("PAYOUT_BRANCH_CODE", default="001"),
    "branch_name": env.str("PAYOUT_BRANCH_NAME", default="ホンテン"),
    "account_kind": env.str("PAYOUT_ACCOUNT_KIND", default="1"),
    "account_number": env.str("PAYOUT_ACCOUNT_NUMBER", default="1234567"),
    "crlf": env.bool("PAYOUT_CRLF", default=True),
    "row_limit": env.int("PAYOUT_ROW_LIMIT", default=9999),
    "extra": env.str("PAYOUT_EXTRA_LETTERS", default=""),
    "o_for_wo": env.bool("PAYOUT_O_FOR_WO", default=True),
}

# --- Who is told of weaknesses (security.txt) ---------------------------------------------------------
SECURITY_EMAIL = env.str("SECURITY_EMAIL", default=OPERATOR["email"])
SECURITY_TXT_DAYS = env.int("SECURITY_TXT_DAYS", default=180)

# --- Mail -------------------------------------------------------------------------------------------
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
# A mail about repayment that happened longer ago than this is not written (investments/repayment_mails.py).
MAIL_NOTHING_OLDER_DAYS = env.int("MAIL_NOTHING_OLDER_DAYS", default=92)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Tomobune <no-reply@tomobune.example>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Public pages -------------------------------------------------------------------------------------
# A visitor's page is kept so long in the process that made it (microfund/site/page_cache.py): with the second that it
# may take to arrive, no figure on it is older than ten. 0 keeps nothing.
VISITOR_PAGE_SECONDS = 9

# --- Browser security -------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'", "https://checkout.stripe.com", SANDBOX_URL],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

SILENCED_SYSTEM_CHECKS: list[str] = []
DJANGO_STRUCTLOG_CELERY_ENABLED = True
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "key_value": {
            "()": "microfund.site.logs.LineFormatter",
            "processor": structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
            ],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "key_value"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # One line for each call of the provider would drown the rest; its errors are logged by the callers.
    "loggers": {"stripe": {"level": "WARNING"}},
}

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
