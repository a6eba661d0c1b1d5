"""Production: everything that is secret or local must be given; a default secret stops the start."""

from django.core.exceptions import ImproperlyConfigured

from .base import *

DEBUG = False
TIME_TRAVEL = False
CLOCK_FILE = None


def _refuse(name: str, why: str) -> None:
    raise ImproperlyConfigured(f"{name}: {why}")


if SECRET_KEY.startswith("insecure-default") or len(SECRET_KEY) < 50:
    _refuse("SECRET_KEY", "set a random secret of at least 50 characters")
if any(len(key) < 32 or key.startswith("insecure-default") for key in FIELD_ENCRYPTION_KEYS):
    _refuse("FIELD_ENCRYPTION_KEYS", "set at least one random key of 32 characters or more")
if len(FINGERPRINT_KEY) < 32 or FINGERPRINT_KEY.startswith("insecure-default"):
    _refuse("FINGERPRINT_KEY", "set a random key of 32 characters or more, and keep it")
if STRIPE_WEBHOOK_SECRET == "whsec_insecure_default":  # noqa: S105 - the default that is refused
    _refuse("STRIPE_WEBHOOK_SECRET", "set the signing secret of the webhook endpoint")
if STRIPE_SECRET_KEY.startswith("sk_sandbox_"):
    _refuse("STRIPE_SECRET_KEY", "set the provider's key; the sandbox is for the demo")
if not DATABASE_URL:
    _refuse("DATABASE_URL", "name the PostgreSQL database; the embedded one is for the demo")
if not REDIS_URL:
    _refuse("REDIS_URL", "name the Redis server; the filesystem broker is for the demo")
if "ALLOWED_HOSTS" not in env:
    _refuse("ALLOWED_HOSTS", "name the host names of the site")
if not SITE_URL.startswith("https://"):
    _refuse("SITE_URL", "must be the https:// address of the site")

CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"] = ["'self'", "https://checkout.stripe.com"]
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=True) else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=63072000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
