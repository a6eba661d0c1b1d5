"""Public pages are kept for some seconds for visitors, in the memory of the web process that made them, nowhere else.

A page takes part only if its view says so (`for_visitors`). It is made for nobody in particular: whoever brings a
session, a message or an `Authorization` header is answered past the store, and what goes into it was rendered without
sight of any cookie but the theme. What else it may depend on is its key: scheme, host, path, query and theme. The
language is that of the path (`/ja/`), never of a cookie or a header, which is checked before anything is kept.

No figure on such a page is older than ten seconds: it is kept for `VISITOR_PAGE_SECONDS` (settings), counted from
before the first query. Late in this time one request renews it while the others still get it; of a page that is not
there, one request renders and the others wait for it. What the store may hold is bounded in bytes.

Caches of others are never asked to keep a page: every HTML answer, and every answer to a person, that does not say
otherwise itself is `private, no-cache`. See docs/decisions/0020-visitors-share-pages-for-seconds.md.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import cc_delim_re, get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.translation import get_language_from_path

from .preferences import THEME_COOKIE, chosen_theme

View = Callable[..., HttpResponse]
Key = tuple[str, str, str, str, str, str]

SECOND = 1_000_000_000
#: Bytes that one process keeps, that one page may have, and that a query may have to be looked up.
MOST_BYTES = 32 * 1024 * 1024
LARGEST_PAGE = 512 * 1024
LONGEST_QUERY = 256
#: What a row of the store weighs beside its page and its key: about as much as its headers.
ROW_BYTES = 4 * 1024
#: How long a request waits for another one that renders the same page, before it renders too.
LONGEST_WAIT_SECONDS = 5
#: What a page may say that it varies on. The cookies it has not seen; the language is that of the path.
KNOWN_VARY = {"cookie", "accept-language"}


def now_ns() -> int:
    """Nanoseconds of a clock that nobody sets."""
    return time.monotonic_ns()


@dataclass(slots=True)
class Kept:
    """A page as it was sent: its headers with their values, and when its rendering began (nanoseconds). `packed` is the
    page compressed once for all who can read that: nothing on it is secret or anybody's own, so its length tells
    nothing (pages of a person are never compressed here)."""

    body: bytes
    headers: dict[str, str]
    began: int
    packed: bytes = b""
    renewing: bool = False

    def response(self, request: HttpRequest) -> HttpResponseBase:
        """The same page once more, packed for who takes that; 304 to a browser that has it."""
        if self.packed and "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", ""):
            response = HttpResponse(self.packed, headers=self.headers)
            response["Content-Encoding"] = "gzip"
            response["Content-Length"] = str(len(self.packed))
            response["ETag"] = f'{self.headers["ETag"][:-1]}-gzip"'
            patch_vary_headers(response, ["Accept-Encoding"])
        else:
            response = HttpResponse(self.body, headers=self.headers)
        if "HTTP_IF_NONE_MATCH" not in request.META:
            return response
        return get_conditional_response(request, etag=response["ETag"], response=response) or response


class Store:
    """Pages by key; the one that nobody asked for longest goes first. Safe among threads."""

    def __init__(self, seconds: int, *, most_bytes: int = MOST_BYTES) -> None:
        self.lifetime = seconds * SECOND
        self.most_bytes = most_bytes
        self.bytes = 0
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._made_now: dict[Key, threading.Event] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Key, *, renew: bool = True) -> Kept | None:
        """The page, if it is young enough. In the last third of its time one caller who may renew it is told None."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            age = now_ns() - kept.began
            if age >= self.lifetime:
                self._drop(key)
                return None
            if renew and not kept.renewing and 3 * age >= 2 * self.lifetime:
                kept.renewing = True
                return None
            self._kept.move_to_end(key)
            return kept

    def wait(self, key: Key) -> bool:
        """True if the caller is to make this page and to call `done` then; False once somebody else has been."""
        with self._lock:
            made = self._made_now.get(key)
            if made is None:
                self._made_now[key] = threading.Event()
                return True
        made.wait(LONGEST_WAIT_SECONDS)
        return False

    def done(self, key: Key) -> None:
        """Let those go on who wait for this page, whether it was kept or not."""
        with self._lock:
            self._made_now.pop(key).set()

    def keep(self, key: Key, kept: Kept) -> None:
        """Keep a page; others make room for it."""
        with self._lock:
            self._drop(key)
            self._kept[key] = kept
            self.bytes += _weight(key, kept)
            while self.bytes > self.most_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.bytes -= _weight(key, kept)


def _weight(key: Key, kept: Kept) -> int:
    return ROW_BYTES + len(kept.body) + len(kept.packed) + sum(len(part) for part in key)


class Visit:
    """One request that may be answered from the store, on its way through the stack of middleware."""

    def __init__(self, store: Store, key: Key) -> None:
        self.store = store
        self.key = key
        self.began = now_ns()
        self.makes = False
        self.shared = False

    def turn(self) -> Kept | None:
        """Before rendering: the page, if somebody else was rendering it and is ready."""
        self.makes = self.store.wait(self.key)
        return None if self.makes else self.store.find(self.key)

    def end(self) -> None:
        """After the answer, whatever it was."""
        if self.makes:
            self.store.done(self.key)


def for_visitors(view: View) -> View:
    """Declare a page that is the same for every visitor: it may be kept for a few seconds.

    For a visitor it is rendered without any cookie but the theme. A view that is not the same for all, or whose page
    has a form with a token, must not be declared; what it answers would not be kept anyway.
    """

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        visit: Visit | None = getattr(request, "visit", None)
        if visit is None:
            return view(request, *args, **kwargs)
        kept = visit.turn()
        if kept is not None:
            return kept.response(request)
        theme = chosen_theme(request)
        request.COOKIES = {THEME_COOKIE: theme} if theme else {}
        visit.began = now_ns()
        visit.shared = True
        return view(request, *args, **kwargs)

    page.for_visitors = True  # type: ignore[attr-defined]
    return page  # type: ignore[return-value]


class PageCache:
    """Middleware, the first of all: answer visitors from the store, and keep what may be kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.store = Store(settings.VISITOR_PAGE_SECONDS)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = self._key(request)
        if key is None:
            return _not_for_others(request, self.get_response(request))
        kept = self.store.find(key, renew=request.method == "GET")
        if kept is not None:
            return kept.response(request)
        visit = request.visit = Visit(self.store, key)  # type: ignore[attr-defined]
        try:
            response = _not_for_others(request, self.get_response(request))
            if visit.shared and request.method == "GET" and _may_be_kept(request, response):
                kept = _kept(response, began=visit.began)
                self.store.keep(key, kept)
                return kept.response(request)
            return response
        finally:
            visit.end()

    def _key(self, request: HttpRequest) -> Key | None:
        """All that a shared page may depend on; None for a request that is not a visitor's."""
        meta = request.META
        query = meta.get("QUERY_STRING", "")
        if not self.store.lifetime or request.method not in ("GET", "HEAD") or len(query) > LONGEST_QUERY:
            return None
        if "HTTP_AUTHORIZATION" in meta or ("HTTP_COOKIE" in meta and is_personal(request)):
            return None
        try:
            # The host is judged here, before anything is found by it; a wrong one is refused by the usual way.
            host = request.get_host()
        except DisallowedHost:
            return None
        theme = chosen_theme(request) if "HTTP_COOKIE" in meta else ""
        return (request.scheme or "", host, meta.get("SCRIPT_NAME", ""), request.path_info, query, theme)


def is_personal(request: HttpRequest) -> bool:
    """Whether the request brings what belongs to one person: a session, or a message to be shown once."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES or CookieStorage.cookie_name in request.COOKIES


def _not_for_others(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Say that no cache of others keeps this answer, unless its view has said how it is kept."""
    if response.has_header("Cache-Control"):
        return response
    html = response.headers.get("Content-Type", "").startswith("text/html")
    if html or response.cookies or is_personal(request) or "HTTP_AUTHORIZATION" in request.META:
        patch_cache_control(response, private=True, no_cache=True)
    return response


def _may_be_kept(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Nothing of one person, nothing that went wrong, nothing that its view or another middleware keeps otherwise."""
    messages = getattr(request, "_messages", None)
    language = get_language_from_path(request.path_info) or settings.LANGUAGE_CODE
    return (
        response.status_code == 200
        and not response.streaming
        and not response.cookies
        and response.headers.get("Cache-Control") == "private, no-cache"
        and response.headers.get("Content-Language") == language
        and not response.has_header("Content-Encoding")
        and {name.lower() for name in cc_delim_re.split(response.headers.get("Vary", "")) if name} <= KNOWN_VARY
        and not request.user.is_authenticated
        and not (messages is not None and messages.added_new)
        and len(response.content) <= LARGEST_PAGE  # type: ignore[attr-defined]
        and b"csrfmiddlewaretoken" not in response.content  # type: ignore[attr-defined]
    )


def _kept(response: HttpResponseBase, *, began: int) -> Kept:
    body: bytes = response.content  # type: ignore[attr-defined]
    headers = {**response.headers, "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}
    return Kept(body, headers, began, packed=gzip.compress(body, compresslevel=6, mtime=0))
