"""Every URL of the site. English is unprefixed, Japanese stands under /ja/ (pages.md section 2)."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.static import serve

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("microfund.site.machine_urls")),
    path("webhooks/", include("investments.payments.webhook_urls")),
]
urlpatterns += i18n_patterns(
    path("staff/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("businesses/", include("microfund.site.business_urls")),
    path("studio/", include("microfund.site.studio_urls")),
    path("", include("microfund.site.urls")),
    path("", include("investments.urls")),
    path("", include("rewards.urls")),
    prefix_default_language=False,
)
if settings.DEMO_MODE:
    # In production the web server or the object store in front serves uploaded pictures.
    urlpatterns.append(path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}))

handler400 = "microfund.site.errors.bad_request"
handler403 = "microfund.site.errors.forbidden"
handler404 = "microfund.site.errors.not_found"
handler429 = "microfund.site.errors.too_many"
handler500 = "microfund.site.errors.server_error"
