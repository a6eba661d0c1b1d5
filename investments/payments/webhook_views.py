"""Where the provider calls us: store and answer; a task does the rest."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from microfund.kernel import clock

from . import webhook
from .gateway import BadSignature, NotAnEvent

# The provider's events are a few kilobytes; nothing larger is read into memory.
LARGEST = 512 * 1024


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """200 once the event is stored (or was before), 400 for a signature that does not match or what is no event, 413
    for a flood."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
        return HttpResponse(status=413)
    try:
        webhook.receive(request.body, request.META.get("HTTP_STRIPE_SIGNATURE", ""), at=clock.now())
    except BadSignature:
        return HttpResponse(b"bad signature", status=400, content_type="text/plain")
    except NotAnEvent:
        return HttpResponse(b"not an event", status=400, content_type="text/plain")
    return HttpResponse(b"ok", content_type="text/plain")
