"""The news of a business, written by its members (pages.md O3).

One form holds a post: every button saves it first, so nothing typed is lost by adding a photo or by looking at the
preview. The autosave and the live preview are two small doors for a script; without it, the same buttons do the same.
"""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST

from businesses import images
from businesses.following import mails
from businesses.following import queries as following
from businesses.models import Post
from businesses.news import queries, services, text
from businesses.news.models import LONGEST_SOURCE, MOST_PHOTOS
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.notices import compose
from microfund.kernel.pages import form_methods, refuse, row_id

from .access import Desk, studio
from .forms import PostForm, PublishForm, WhyForm


def _post(desk: Desk, pk: int) -> Post:
    """A post of this business, in whatever state. Raises Http404."""
    post = Post.objects.filter(pk=pk, business=desk.business).select_related("business").first()
    if post is None:
        raise Http404
    return post


def _address(name: str, post: Post) -> str:
    return reverse(f"studio:{name}", args=[post.business.slug, post.pk])


@studio()
@require_http_methods(["GET", "HEAD"])
def news_list(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O3: every post of the business, what is unfinished first."""
    posts = list(queries.drawer(desk.business))
    first = {Post.State.DRAFT: 0, Post.State.SCHEDULED: 1}
    posts.sort(key=lambda post: first.get(Post.State(post.state), 2))
    return render(request, "studio/news_list.html", {**desk.context(), "posts": posts})


@studio()
@form_methods
def news_new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O3: a new post. It becomes a row with the first save, once however often its form is sent."""
    return _editor(request, desk, None)


@studio()
@form_methods
def news_edit(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """O3: a post of this business; one that was withdrawn is shown and no longer changed."""
    post = _post(desk, pk)
    if post.state == Post.State.WITHDRAWN:
        messages.info(request, _("This post was withdrawn and can no longer be changed."))
        return HttpResponseRedirect(reverse("studio:news", args=[desk.business.slug]))
    return _editor(request, desk, post)


def _editor(request: HttpRequest, desk: Desk, post: Post | None) -> HttpResponse:
    language = "ja" if (get_language() or "").startswith("ja") else "en"
    if request.method != "POST":
        return _form_page(request, desk, PostForm(post=post, language=language), post)
    form = PostForm(request.POST, request.FILES, post=post, language=language)
    if not form.is_valid():
        return _form_page(request, desk, form, post, status=200)
    do = request.POST.get("do", "save")
    if do == "preview" and post is not None and post.state != Post.State.DRAFT:
        # What readers may already see, or soon will, is not changed by looking.
        return _form_page(request, desk, form, post, preview=text.render(form.words()["source"]))
    try:
        post = _save(request, desk, form, post)
        saved = _beyond_words(request, form, post, do)
    except DomainError as error:
        if error.code == "changed_elsewhere":
            return _conflict_page(request, desk, form, error.data["post"])
        named = error.data.get("field") or ("photo" if isinstance(error, images.ImageRefused) else None)
        refuse(form, error, field=named)
        return _form_page(request, desk, form, post)
    if do == "preview":
        return HttpResponseRedirect(_address("news_edit", post) + "?preview=1#preview")
    if do == "publish":
        return HttpResponseRedirect(_address("news_publish", post))
    messages.success(request, saved)
    return HttpResponseRedirect(
        _address("news_edit", post) + ("#photos" if do.startswith(("photo", "remove", "turn")) else "")
    )


def _save(request: HttpRequest, desk: Desk, form: PostForm, post: Post | None) -> Post:
    at = clock.now()
    if post is None:
        token = form.cleaned_data["form_token"]
        post = services.begin(desk.business, **form.words(), form_token=token, actor=request.user, at=at)
        if post.state != Post.State.DRAFT:
            # The form of a post that has long been sent: it is not edited through an old tab.
            raise DomainError("wrong_form", _("This form belongs to another page. Open it again."))
    return services.save(post, **form.words(), version=form.cleaned_data["version"], actor=request.user, at=at)


def _beyond_words(request: HttpRequest, form: PostForm, post: Post, do: str) -> str:
    """Photos: a new one, new descriptions, one to turn or to take away; answers what to say afterwards."""
    at = clock.now()
    alts = {
        int(name[4:]): value
        for name, value in request.POST.items()
        if name.startswith("alt_") and name[4:].isascii() and name[4:].isdigit() and len(name) < 22
    }
    act, _colon, number = do.partition(":")
    photo = row_id(number)
    if act == "remove" and photo:
        alts.pop(photo, None)
        services.remove_photo(post, photo, actor=request.user, at=at)
        said = _("The photo was taken away.")
    elif act == "turn" and photo and services.turn_photo(post, photo, actor=request.user, at=at):
        said = _("The photo was turned.")
    else:
        said = _("Saved.")
    if alts:
        services.describe_photos(post, alts, actor=request.user, at=at)
    if form.cleaned_data.get("photo"):
        services.add_photo(
            post, form.cleaned_data["photo"], alt=form.cleaned_data["photo_alt"], actor=request.user, at=at
        )
        said = _("The photo was added.")
    elif do == "photo":
        raise DomainError("no_photo", _("Choose a photo first."), field="photo")
    return said


def _form_page(
    request: HttpRequest, desk: Desk, form: PostForm, post: Post | None, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        **desk.context(),
        "form": form,
        "post": post,
        "photos": list(post.photos.all()) if post else [],
        "most_photos": MOST_PHOTOS,
        "longest": LONGEST_SOURCE,
        "preview": text.render(post.source) if post and "preview" in request.GET else None,
        "shown_language": post.language if post else form["language"].value(),
        # Only drafts save themselves, and none while its writer has two texts to compare.
        "autosave_url": ""
        if (post and post.state != Post.State.DRAFT) or "stored" in more
        else reverse("studio:news_autosave", args=[desk.business.slug]),
        **more,
    }
    context["trail"] += [
        (_("News"), reverse("studio:news", args=[desk.business.slug])),
    ]
    return render(request, "studio/news_form.html", context, status=status)


def _conflict_page(request: HttpRequest, desk: Desk, form: PostForm, stored: Post) -> HttpResponse:
    """409: what was typed stays in the form, what another device saved stands beside it. The form now begins from the
    stored version, so that saving once more is a decision made with both texts in view."""
    data = form.data.copy()
    data["version"] = str(stored.version)
    again = PostForm(data, post=stored)
    return _form_page(request, desk, again, stored, status=409, stored=stored)


# --- For the script -----------------------------------------------------------------------------------------------


@studio()
@require_POST
def news_preview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The text as readers will see it, by the renderer of the page itself."""
    source = request.POST.get("source", "")
    if len(source) > LONGEST_SOURCE:
        return HttpResponse(status=413)
    return HttpResponse(text.render(source))


@studio()
@require_POST
def news_autosave(request: HttpRequest, desk: Desk) -> JsonResponse:
    """Save a draft by itself. 200: its new version; 409: another device saved in between, with that device's text;
    422: it cannot be saved as it is, with the reason."""
    pk = request.POST.get("post", "")
    post = _post(desk, row_id(pk)) if pk else None
    data = request.POST.copy()
    data["photo_alt"] = ""
    form = PostForm(data, post=post)
    if not form.is_valid():
        return JsonResponse(
            {"error": " ".join(str(error) for errors in form.errors.values() for error in errors)}, status=422
        )
    at = clock.now()
    try:
        if post is None:
            token = form.cleaned_data["form_token"]
            post = services.begin(desk.business, **form.words(), form_token=token, actor=request.user, at=at)
        post = services.save(
            post, **form.words(), version=form.cleaned_data["version"], actor=request.user, at=at, quiet=True
        )
    except DomainError as error:
        if error.code != "changed_elsewhere":
            return JsonResponse({"error": str(error.message), "code": error.code}, status=422)
        stored = error.data["post"]
        answer = {"error": str(error.message), "title": stored.title, "source": stored.source}
        return JsonResponse({**answer, "version": stored.version}, status=409)
    return JsonResponse({"post": post.pk, "version": post.version, "edit": _address("news_edit", post)})


# --- Out and away -------------------------------------------------------------------------------------------------


@csp_update({"frame-src": ["'self'"]})
@studio()
@form_methods
def news_publish(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """O3: the post as readers will see it, the whole mail to its followers in both languages, and when it goes out.
    Nothing goes out before this page."""
    post = _post(desk, pk)
    back = reverse("studio:news", args=[desk.business.slug])
    if post.state not in (Post.State.DRAFT, Post.State.SCHEDULED):
        return HttpResponseRedirect(back)
    form = PublishForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        at = clock.now()
        try:
            if request.POST.get("do") == "unschedule":
                services.unschedule(post, actor=request.user, at=at)
                messages.success(request, _("It is a draft again and goes out by your hand only."))
                return HttpResponseRedirect(_address("news_edit", post))
            if form.is_valid():
                if form.cleaned_data["when"] == PublishForm.NOW:
                    services.publish(post, actor=request.user, at=at)
                    messages.success(request, _("Published. Followers are being written to."))
                else:
                    planned = form.cleaned_data["publish_at"]
                    services.schedule(post, publish_at=planned, actor=request.user, at=at)
                    messages.success(request, _("Planned. You can still change it until then."))
                return HttpResponseRedirect(back)
        except DomainError as error:
            refuse(form, error)
    context = {
        **desk.context(),
        "form": form,
        "post": post,
        "photos": list(post.photos.all()),
        "followers": following.cadences(desk.business),
        "mails": _mails(post),
    }
    context["trail"] += [(_("News"), back), (post.title or _("Untitled"), _address("news_edit", post))]
    return render(request, "studio/news_publish.html", context)


def _mails(post: Post) -> list[compose.Mail]:
    """The mail about a post as followers will get it, first in the language in which it is written."""
    post = queries.with_first_photo(Post.objects.filter(pk=post.pk).select_related("business")).get()
    languages = sorted((code for code, _name in settings.LANGUAGES), key=lambda code: code != post.language)
    return [mails.preview(post, language=language, at=clock.now()) for language in languages]


@xframe_options_sameorigin
@studio()
@require_http_methods(["GET", "HEAD"])
def news_mail(request: HttpRequest, desk: Desk, pk: int, language: str) -> HttpResponse:
    """O3: the mail to followers as HTML, for the frame on the page before publishing. It can run nothing and load
    nothing but its picture."""
    found = next((mail for mail in _mails(_post(desk, pk)) if mail.language == language), None)
    if found is None:
        raise Http404
    response = HttpResponse(found.html)
    response["Content-Security-Policy"] = (
        f"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' {settings.SITE_URL}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    response["Content-Language"] = language
    return response


@studio()
@form_methods
def news_withdraw(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """O3: take a published post off the site, with a reason that is kept."""
    post = _post(desk, pk)
    back = reverse("studio:news", args=[desk.business.slug])
    if post.state != Post.State.PUBLISHED:
        return HttpResponseRedirect(back)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.withdraw(post, actor=request.user, at=clock.now(), reason=form.cleaned_data["reason"])
        messages.success(request, _("Withdrawn: readers no longer see it."))
        return HttpResponseRedirect(back)
    context = {**desk.context(), "form": form, "post": post, "act": "withdraw"}
    context["trail"] += [(_("News"), back)]
    return render(request, "studio/news_away.html", context)


@studio()
@form_methods
def news_delete(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """O3: delete a draft, after asking once."""
    post = _post(desk, pk)
    back = reverse("studio:news", args=[desk.business.slug])
    if post.state != Post.State.DRAFT:
        return HttpResponseRedirect(back)
    if request.method == "POST":
        services.discard(post, actor=request.user, at=clock.now())
        messages.success(request, _("The draft is deleted."))
        return HttpResponseRedirect(back)
    context = {**desk.context(), "post": post, "act": "delete"}
    context["trail"] += [(_("News"), back)]
    return render(request, "studio/news_away.html", context)
