"""What the pages of every app answer alike."""

from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

#: A page of one person: kept by no cache, not even the browser's own.
private = cache_control(private=True, no_store=True)
#: A page with a form that is sent to its own address.
form_methods = require_http_methods(["GET", "HEAD", "POST"])
#: What a form that is refused answers; it is shown again as it was typed.
REFUSED = 422
